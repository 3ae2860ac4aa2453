#include "engine/s3/s3_remote.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "engine/s3/multipart_put.h"
#include "engine/s3/server_time.h"
#include "store/remote_probe.h"

namespace modelfs {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kPieceBytesMax = 16 << 20;  // that one GET asks for, so that little is asked for again
constexpr std::chrono::seconds kMovingPatience{10};
constexpr unsigned kPartThreads = 8;

// "bytes 5-9/100".
struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t total = 0;
};

std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  ContentRange range;
  const auto number = [&](std::uint64_t& value, std::string_view behind) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.starts_with(behind)) return false;
    text.remove_prefix(behind.size());
    return true;
  };
  const bool is_range = number(range.first, "-") && number(range.last, "/") && number(range.total, "");
  if (!is_range || !text.empty() || range.last < range.first || range.last >= range.total) return std::nullopt;
  return range;
}

S3Call call_of(const char* method, const char* action, std::string key) {
  S3Call call;
  call.method = method;
  call.action = action;
  call.key = std::move(key);
  return call;
}

}  // namespace

S3Remote::S3Remote(S3Options options)
    : client_(std::move(options)), part_threads_("s3-put", kPartThreads, MultipartPut::kParallelMax) {}

std::string S3Remote::key_of(const std::string& name) const {
  const std::string& prefix = client_.options().where.prefix;
  return prefix.empty() ? name : prefix + "/" + name;
}

Status S3Remote::failed(const std::string& name, const std::string& why) const {
  return {Code::IoError, address() + "/" + name + ": " + client_.options().origin().authority() + " " + why};
}

Result<Remote::Created> S3Remote::put_if_absent(const std::string& name, ByteView bytes, Deadline deadline) {
  if (const Status checked = check_remote_name(name); !checked.ok()) return checked;
  if (bytes.size() > kSmallBytesMax) {
    return Status(Code::TooLarge, address() + "/" + name + ": more than " + std::to_string(kSmallBytesMax) + " bytes");
  }
  const BytesSource source(bytes);
  S3Call call = call_of("PUT", "s3:PutObject", key_of(name));
  call.headers = {{"if-none-match", "*"}};
  call.body = {&source, 0, bytes.size(), nullptr};
  call.payload_sha256 = sha256_of(bytes);
  call.patience = kMovingPatience;
  call.only_once = true;
  const auto answer = client_.call(call, deadline);
  if (!answer.ok()) return answer.status();
  if (answer->is_success()) return Created::Now;
  if (answer->status == 412) return Created::Already;
  return failed(name, "answered " + std::to_string(answer->status) + " to a put");
}

Status S3Remote::put(const std::string& name, const RemoteSource& source, const Digest& sha256, Deadline deadline) {
  if (const Status checked = check_remote_name(name); !checked.ok()) return checked;
  if (source.size_bytes() > kWholeBytesMax) {
    return MultipartPut(client_, part_threads_, key_of(name), source, deadline).run(sha256);
  }
  S3Call call = call_of("PUT", "s3:PutObject", key_of(name));
  call.body = {&source, 0, source.size_bytes(), &sha256};
  call.payload_sha256 = sha256;
  call.patience = kMovingPatience;
  const auto answer = client_.call(call, deadline);
  if (!answer.ok()) return answer.status();
  return answer->is_success() ? Status() : failed(name, "answered " + std::to_string(answer->status) + " to a put");
}

Result<std::size_t> S3Remote::get(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                                  Deadline deadline) {
  if (const Status checked = check_remote_name(name); !checked.ok()) return checked;
  if (into.empty()) {
    std::byte one{};
    const auto got = get_piece(name, offset_bytes, ByteSpan(&one, 1), deadline);
    if (!got.ok()) return got.status();
    return std::size_t{0};
  }
  std::size_t done = 0;
  while (done < into.size()) {
    const std::size_t wanted = std::min(kPieceBytesMax, into.size() - done);
    const auto got = get_piece(name, offset_bytes + done, into.subspan(done, wanted), deadline);
    if (!got.ok()) return got.status();
    done += *got;
    if (*got < wanted) break;
  }
  return done;
}

Result<std::size_t> S3Remote::get_piece(const std::string& name, std::uint64_t offset_bytes, ByteSpan into,
                                        Deadline deadline) {
  // AWS refuses a name that is absent to who may not list.
  S3Call call = call_of("GET", "s3:GetObject and s3:ListBucket", key_of(name));
  const std::uint64_t last = offset_bytes + into.size() - 1;
  call.headers = {{"range", "bytes=" + std::to_string(offset_bytes) + "-" + std::to_string(last)}};
  call.into = into;
  const auto answer = client_.call(call, deadline);
  if (!answer.ok()) return answer.status();
  if (answer->status == 404) return Status(Code::NotFound, address() + "/" + name + " is not there");
  if (answer->status == 416) return std::size_t{0};  // it ends before, or is empty
  // The whole object: allowed by HTTP where a part was asked for, and of use where the part begins it.
  if (answer->status == 200 && offset_bytes == 0) return answer->received_bytes;
  const auto range = parse_content_range(answer->header("content-range"));
  if (answer->status != 206 || !range || range->first != offset_bytes || answer->has_more) {
    return failed(name, "answered " + std::to_string(answer->status) + " and another part than was asked for");
  }
  if (answer->received_bytes != std::min<std::uint64_t>(into.size(), range->total - offset_bytes)) {
    return failed(name, "answered a part of another size than was asked for");
  }
  return answer->received_bytes;
}

Status S3Remote::list(const std::string& prefix, const std::string& after,
                      const std::function<bool(const RemoteObject&)>& visit, std::chrono::milliseconds deadline) {
  const std::string base = key_of("");
  const std::string key_prefix = base + prefix;
  std::string last = after.empty() ? "" : base + after;
  for (;;) {
    S3Call call = call_of("GET", "s3:ListBucket", "");
    // Why start-after and no continuation token: each page is a request of its own that can be repeated.
    call.query = {{"list-type", "2"}, {"prefix", key_prefix}, {"max-keys", "1000"}};
    if (!last.empty()) call.query.emplace_back("start-after", last);
    call.answer_bytes_max = kXmlBytesMax;
    call.patience = kMovingPatience;
    const auto answer = client_.call(call, steady_clock::now() + deadline);
    if (!answer.ok()) return answer.status();
    if (!answer->is_success()) return failed(prefix, "answered " + std::to_string(answer->status) + " to a list");
    const auto listing = parse_listing(answer->body);
    if (!listing.ok()) return failed(prefix, listing.status().message());
    const auto date = parse_http_date(answer->header("date"));
    for (const S3Listing::Object& entry : listing->objects) {
      if (entry.key <= last || !entry.key.starts_with(key_prefix)) return failed(prefix, "lists names out of order");
      last = entry.key;
      RemoteObject object{entry.key.substr(base.size()), entry.size_bytes, std::chrono::seconds(0)};
      if (!check_remote_name(object.name).ok()) continue;  // another program's
      // Without one of both it counts as new, which is never removed.
      const auto modified = parse_utc(entry.last_modified);
      if (date && modified) object.age = std::chrono::floor<std::chrono::seconds>(*date - *modified);
      object.age = std::max(object.age, std::chrono::seconds(0));
      if (!visit(object)) return {};
    }
    if (!listing->is_truncated) return {};
    if (listing->objects.empty()) return failed(prefix, "lists a page with nothing in it, and says that there is more");
  }
}

Status S3Remote::remove(const std::string& name, Deadline deadline) {
  if (const Status checked = check_remote_name(name); !checked.ok()) return checked;
  const auto answer = client_.call(call_of("DELETE", "s3:DeleteObject", key_of(name)), deadline);
  if (!answer.ok()) return answer.status();
  const bool is_gone = answer->is_success() || answer->status == 404;
  return is_gone ? Status() : failed(name, "answered " + std::to_string(answer->status) + " to a removal");
}

Result<RemoteFacts> S3Remote::probe(Deadline deadline) {
  const Status probed = probe_conditions(*this, deadline);
  if (probed.ok()) return client_.facts();
  const std::string server = client_.facts().server;
  if (probed.code() != Code::Unsupported || server.empty()) return probed;
  return Status(Code::Unsupported, probed.message() + "; it calls itself " + server);
}

Result<std::unique_ptr<Remote>> open_s3_remote(const S3Options& options) {
  if (!options.endpoint.is_tls && !options.endpoint.is_loopback() && !options.is_insecure) {
    return Status(Code::InvalidArgument, options.where.str() + ": " + options.endpoint.str() +
                                             " is not encrypted: use https://, or the option insecure if everybody on "
                                             "the way may read and change the registry");
  }
  return std::unique_ptr<Remote>(std::make_unique<S3Remote>(options));
}

}  // namespace modelfs
