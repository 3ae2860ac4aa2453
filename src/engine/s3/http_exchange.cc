#include "engine/s3/http_exchange.h"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace modelfs {
namespace {

constexpr std::size_t kHeadersMax = 64;
constexpr std::size_t kHeaderBytesMax = 2048;

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && std::strchr(" \t\r\n", text.front()) != nullptr) text.remove_prefix(1);
  while (!text.empty() && std::strchr(" \t\r\n", text.back()) != nullptr) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& byte : lowered) byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
  return lowered;
}

Status wrong_digest(const Digest& expected) {
  return {Code::Corrupt, "what is to be put does not have the digest " + expected.hex()};
}

HttpFault fault_of(CURLcode result) {
  switch (result) {
    case CURLE_OK: return HttpFault::None;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return HttpFault::UnknownHost;
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED: return HttpFault::Unreachable;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR: return HttpFault::Untrusted;
    case CURLE_OPERATION_TIMEDOUT: return HttpFault::Silent;
    default: return HttpFault::Cut;
  }
}

}  // namespace

HttpExchange::~HttpExchange() { curl_slist_free_all(headers_); }

// Why: libcurl sends a request again by itself when a connection ends that was used before, and nobody would hear of
// it.
int HttpExchange::on_send(void* self, char*, char*, int, int) {
  return ++static_cast<HttpExchange*>(self)->sends_ == 1 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

// Why together with the head: there is a server (SeaweedFS 4.48) that makes an empty object of a head whose body does
// not come, and a process may be killed between the two.
Status HttpExchange::load_body() {
  const HttpBody& body = request_.body;
  if (body.source == nullptr || !is_loaded()) return {};
  loaded_.resize(static_cast<std::size_t>(body.size_bytes));
  const auto got = body.source->read_at(body.offset_bytes, std::as_writable_bytes(std::span(loaded_)));
  if (!got.ok()) return got.status();
  if (*got != loaded_.size()) return {Code::Corrupt, "what is to be put ends before its size"};
  if (body.sha256 != nullptr && sha256_of(bytes_of(loaded_)) != *body.sha256) return wrong_digest(*body.sha256);
  return {};
}

std::size_t HttpExchange::on_read(char* buffer, std::size_t size, std::size_t count, void* self) {
  return static_cast<HttpExchange*>(self)->read_body(std::as_writable_bytes(std::span(buffer, size * count)));
}

std::size_t HttpExchange::read_body(ByteSpan into) {
  const HttpBody& body = request_.body;
  const std::size_t wanted = std::min<std::size_t>(into.size(), body.size_bytes - sent_bytes_);
  if (wanted == 0) return 0;
  const auto got = body.source->read_at(body.offset_bytes + sent_bytes_, into.first(wanted));
  if (!got.ok()) {
    answer_.source_error = got.status();
    return CURL_READFUNC_ABORT;
  }
  if (*got != wanted) {
    answer_.source_error = Status(Code::Corrupt, "what is to be put ends before its size");
    return CURL_READFUNC_ABORT;
  }
  if (body.sha256 != nullptr) hasher_.add(into.first(wanted));
  const bool is_last = sent_bytes_ + wanted == body.size_bytes;
  // Why before the last bytes go out: a request that is not complete makes no object.
  if (is_last && body.sha256 != nullptr && hasher_.finish().digest != *body.sha256) {
    answer_.source_error = wrong_digest(*body.sha256);
    return CURL_READFUNC_ABORT;
  }
  sent_bytes_ += wanted;
  return wanted;
}

std::size_t HttpExchange::on_write(char* bytes, std::size_t size, std::size_t count, void* self) {
  return static_cast<HttpExchange*>(self)->take_bytes(std::as_bytes(std::span(bytes, size * count)));
}

// Fewer than came: libcurl ends the transfer.
std::size_t HttpExchange::take_bytes(ByteView bytes) {
  long status = 0;
  curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &status);
  const bool is_content = status == 200 || status == 206;
  if (!is_content || request_.into.empty()) {
    if (answer_.body.size() + bytes.size() > request_.answer_bytes_max) {
      answer_.fault = HttpFault::TooMuch;
      return 0;
    }
    answer_.body += text_of(bytes);
    return bytes.size();
  }
  const std::size_t room = request_.into.size() - answer_.received_bytes;
  const std::size_t taken = std::min(room, bytes.size());
  std::memcpy(request_.into.data() + answer_.received_bytes, bytes.data(), taken);
  answer_.received_bytes += taken;
  if (taken == bytes.size()) return taken;
  answer_.has_more = true;
  is_full_ = true;
  return 0;
}

std::size_t HttpExchange::on_header(char* bytes, std::size_t size, std::size_t count, void* self) {
  HttpAnswer& answer = static_cast<HttpExchange*>(self)->answer_;
  const std::string_view line(bytes, size * count);
  // A status line begins anew: what came before it was of "100 Continue", or of a proxy.
  if (line.starts_with("HTTP/")) answer.headers.clear();
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || line.size() > kHeaderBytesMax) return line.size();
  if (answer.headers.size() < kHeadersMax) {
    answer.headers[lower(line.substr(0, colon))] = without_blanks(line.substr(colon + 1));
  }
  return line.size();
}

void HttpExchange::prepare_method(CURL* curl) {
  if (request_.method == "GET") {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
  } else if (request_.method == "DELETE") {
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "DELETE");
  } else if (is_loaded()) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, loaded_.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(loaded_.size()));
  } else {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request_.body.size_bytes));
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, this);
  }
}

Status HttpExchange::prepare(CURL* curl) {
  curl_ = curl;
  answer_.source_error = load_body();
  if (!answer_.source_error.ok()) return answer_.source_error;
  bool has_type = false;
  for (const auto& [name, value] : request_.headers) {
    headers_ = curl_slist_append(headers_, (name + ": " + value).c_str());
    has_type = has_type || name == "content-type";
  }
  // libcurl would say that it is a form.
  if (!has_type) headers_ = curl_slist_append(headers_, "Content-Type:");
  // Why: libcurl would wait a second for "100 Continue", which few servers send.
  headers_ = curl_slist_append(headers_, "Expect:");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers_);
  curl_easy_setopt(curl, CURLOPT_URL, request_.url.c_str());
  prepare_method(curl);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_write);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words_.data());
  curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, &on_send);
  curl_easy_setopt(curl, CURLOPT_PREREQDATA, this);
  if (request_.past_proxy) curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  return {};
}

void HttpExchange::conclude(CURL* curl, CURLcode result) {
  long status = 0;
  long head_bytes = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &head_bytes);
  answer_.status = static_cast<int>(status);
  answer_.may_have_arrived = head_bytes > 0 && (is_loaded() || sent_bytes_ == request_.body.size_bytes);
  if (answer_.fault != HttpFault::None) {
    answer_.reason = "it answered more than " + std::to_string(request_.answer_bytes_max) + " bytes";
  } else if (!answer_.source_error.ok()) {
    answer_.fault = HttpFault::BadSource;
    answer_.reason = answer_.source_error.message();
  } else if (result != CURLE_OK && !is_full_) {
    answer_.fault = fault_of(result);
    answer_.reason = words_[0] != '\0' ? words_.data() : curl_easy_strerror(result);
    if (sends_ > 1) answer_.reason = "the connection ended";
  }
}

}  // namespace modelfs
