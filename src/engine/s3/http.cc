#include "engine/s3/http.h"

#include <algorithm>
#include <mutex>

#include "engine/s3/http_exchange.h"

namespace modelfs {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnectPatience = std::chrono::seconds(3);
constexpr std::uint64_t kLargeBytesMin = 512 << 10;  // what makes a request a large one
constexpr long kBufferBytes = 256 << 10;
constexpr long kSlowBytesPerSecond = 1024;
constexpr long kKeptConnectionsMax = 2;  // of one handle

void initialize_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

milliseconds until(Deadline deadline) {
  return std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now());
}

bool is_large(const HttpRequest& request) {
  return std::max<std::uint64_t>(request.body.size_bytes, request.into.size()) >= kLargeBytesMin;
}

void set_bounds(CURL* curl, const HttpRequest& request, milliseconds left) {
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // Why: a name that is not found within the deadline would be waited for all the same, to join libcurl's thread.
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(left, kConnectPatience).count()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerSecond);
  const auto patience = std::chrono::duration_cast<std::chrono::seconds>(request.patience);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(patience.count())));
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, kKeptConnectionsMax);
}

void set_protocol(CURL* curl, const std::string& ca_file) {
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "modelfs/" MODELFS_VERSION);
  if (!ca_file.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file.c_str());
}

}  // namespace

// A handle of the pool, while one request has it.
class HttpClient::Lease {
 public:
  Lease(HttpClient& client, const HttpRequest& request) : client_(client), is_large_(is_large(request)) {
    const MutexLock lock(client.mutex_);
    while (!has_room()) {
      const milliseconds left = until(request.deadline);
      if (left.count() <= 0) return;
      client.wake_.wait_for(client.mutex_, left);
    }
    if (client.idle_.empty()) {
      curl_ = curl_easy_init();
    } else {
      curl_ = client.idle_.back();
      client.idle_.pop_back();
    }
    if (curl_ == nullptr) return;
    ++client.running_;
    if (is_large_) ++client.running_large_;
  }
  ~Lease() {
    if (curl_ == nullptr) return;
    curl_easy_reset(curl_);  // connections, sessions of TLS and addresses are kept
    const MutexLock lock(client_.mutex_);
    client_.idle_.push_back(curl_);
    --client_.running_;
    if (is_large_) --client_.running_large_;
    client_.wake_.notify_all();
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  CURL* curl() const { return curl_; }

 private:
  bool has_room() const REQUIRES(client_.mutex_) {
    return client_.running_ < kRequestsMax && (!is_large_ || client_.running_large_ < kLargeRequestsMax);
  }

  HttpClient& client_;
  const bool is_large_;
  CURL* curl_ = nullptr;
};

HttpClient::HttpClient(Settings settings) : settings_(std::move(settings)) { initialize_curl(); }

HttpClient::~HttpClient() {
  for (CURL* const curl : idle_) curl_easy_cleanup(curl);
}

HttpAnswer HttpClient::perform(const HttpRequest& request) {
  HttpAnswer answer;
  const Lease lease(*this, request);
  const milliseconds left = until(request.deadline);
  if (lease.curl() == nullptr || left.count() <= 0) {
    answer.fault = HttpFault::Silent;
    answer.reason = "there was no time left to ask it";
    return answer;
  }
  HttpExchange exchange(request, answer);
  set_bounds(lease.curl(), request, left);
  set_protocol(lease.curl(), settings_.ca_file);
  const bool is_ready = exchange.prepare(lease.curl()).ok();
  const CURLcode result = is_ready ? curl_easy_perform(lease.curl()) : CURLE_ABORTED_BY_CALLBACK;
  exchange.conclude(lease.curl(), result);
  long opened = 0;
  curl_easy_getinfo(lease.curl(), CURLINFO_NUM_CONNECTS, &opened);
  connections_opened_ += static_cast<std::uint64_t>(opened);
  return answer;
}

}  // namespace modelfs
