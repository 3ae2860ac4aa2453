#include "engine/s3/multipart_put.h"

#include <algorithm>
#include <atomic>

namespace modelfs {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kPieceBytes = 256 << 10;  // that is hashed at once
constexpr std::chrono::seconds kPartPatience{10};
// The server may put the parts together before it says anything.
constexpr std::chrono::seconds kCompletePatience{60};
constexpr std::chrono::milliseconds kGiveUpPatience{800};

std::uint64_t part_bytes_for(std::uint64_t size_bytes) {
  constexpr std::uint64_t kStep = 1 << 20;
  const std::uint64_t least = (size_bytes + MultipartPut::kPartsMax - 1) / MultipartPut::kPartsMax;
  return std::max(MultipartPut::kPartBytesMin, (least + kStep - 1) / kStep * kStep);
}

// Those of one object are one owner's, so that objects take turns.
ThreadPool::Owner new_owner() {
  static std::atomic<ThreadPool::Owner> last{0};
  return ++last;
}

}  // namespace

MultipartPut::MultipartPut(S3Client& client, ThreadPool& threads, std::string key, const RemoteSource& source,
                           Deadline deadline)
    : client_(client),
      threads_(threads),
      key_(std::move(key)),
      source_(source),
      deadline_(deadline),
      part_bytes_(part_bytes_for(source.size_bytes())) {}

Status MultipartPut::run(const Digest& sha256) {
  if (const Status begun = begin(); !begun.ok()) return begun;
  const std::size_t count = static_cast<std::size_t>((source_.size_bytes() + part_bytes_ - 1) / part_bytes_);
  {
    const MutexLock lock(mutex_);
    etags_.resize(count);
  }
  const auto helpers = std::make_shared<Help>();
  {
    const MutexLock lock(helpers->mutex);
    helpers->put = this;
  }
  const ThreadPool::Owner owner = new_owner();
  for (std::size_t i = 1; i < std::min<std::size_t>(kParallelMax, count); ++i) {
    threads_.submit([helpers] { help(*helpers); }, owner);
  }
  // Meanwhile here: each part is signed by a hash of its own, which says nothing of the whole.
  if (const Status whole = check_whole(sha256); !whole.ok()) fail(whole);
  put_parts();
  {
    // Who has not begun by now does not: the pool may be busy with others for longer than the deadline.
    const MutexLock lock(helpers->mutex);
    helpers->put = nullptr;
    while (helpers->running > 0) helpers->ended.wait(helpers->mutex);
  }
  Status outcome = failure();
  if (outcome.ok()) outcome = complete();
  if (!outcome.ok()) give_up();
  return outcome;
}

Status MultipartPut::begin() {
  S3Call call;
  call.method = "POST";
  call.action = "s3:PutObject";
  call.key = key_;
  call.query = {{"uploads", ""}};
  const auto answer = client_.call(call, deadline_);
  if (!answer.ok()) return answer.status();
  auto id = xml_text(answer->body, "InitiateMultipartUploadResult/UploadId");
  if (!id.ok()) return {id.code(), key_ + ": " + id.status().message()};
  upload_id_ = std::move(*id);
  return {};
}

void MultipartPut::help(Help& help) {
  MultipartPut* put = nullptr;
  {
    const MutexLock lock(help.mutex);
    if (help.put == nullptr) return;
    put = help.put;
    ++help.running;
  }
  put->put_parts();
  const MutexLock lock(help.mutex);
  if (--help.running == 0) help.ended.notify_all();
}

void MultipartPut::put_parts() {
  for (;;) {
    std::size_t index = 0;
    {
      const MutexLock lock(mutex_);
      if (!failure_.ok() || next_part_ == etags_.size()) return;
      index = next_part_++;
    }
    auto etag = put_part(index);
    if (!etag.ok()) {
      fail(etag.status());
      continue;
    }
    const MutexLock lock(mutex_);
    etags_[index] = std::move(*etag);
  }
}

Result<std::string> MultipartPut::put_part(std::size_t index) {
  const std::uint64_t offset = index * part_bytes_;
  const std::uint64_t size = std::min(part_bytes_, source_.size_bytes() - offset);
  const auto sha256 = hash_range(offset, size);
  if (!sha256.ok()) return sha256.status();
  S3Call call;
  call.method = "PUT";
  call.action = "s3:PutObject";
  call.key = key_;
  call.query = {{"partNumber", std::to_string(index + 1)}, {"uploadId", upload_id_}};
  call.body = {&source_, offset, size, &*sha256};
  call.payload_sha256 = *sha256;
  call.patience = kPartPatience;
  const auto answer = client_.call(call, deadline_);
  if (!answer.ok()) return answer.status();
  std::string etag = answer->header("etag");
  if (answer->is_success() && !etag.empty()) return etag;
  return Status(Code::IoError, key_ + ": a part was answered " + std::to_string(answer->status) + " " +
                                   answer->error.code + (etag.empty() ? ", without an ETag" : ""));
}

Result<Digest> MultipartPut::hash_range(std::uint64_t offset_bytes, std::uint64_t size_bytes) {
  Hasher hasher;
  std::vector<std::byte> piece(std::min<std::uint64_t>(kPieceBytes, size_bytes));
  for (std::uint64_t done = 0; done < size_bytes;) {
    if (!failure().ok()) return Status(Code::Interrupted, "another part has failed");
    if (steady_clock::now() >= deadline_) return Status(Code::Unavailable, key_ + ": the deadline passed");
    const std::size_t wanted = std::min<std::uint64_t>(piece.size(), size_bytes - done);
    const auto got = source_.read_at(offset_bytes + done, ByteSpan(piece).first(wanted));
    if (!got.ok()) return got.status();
    if (*got != wanted) return Status(Code::Corrupt, key_ + ": what is to be put ends before its size");
    hasher.add(ByteView(piece).first(wanted));
    done += wanted;
  }
  return hasher.finish().digest;
}

Status MultipartPut::check_whole(const Digest& sha256) {
  const auto whole = hash_range(0, source_.size_bytes());
  if (!whole.ok()) return whole.status();
  if (*whole == sha256) return {};
  return {Code::Corrupt, key_ + ": what is to be put does not have the digest " + sha256.hex()};
}

Status MultipartPut::complete() {
  std::string document;
  {
    const MutexLock lock(mutex_);
    document = complete_upload_xml(etags_);
  }
  const BytesSource source(bytes_of(document));
  S3Call call;
  call.method = "POST";
  call.action = "s3:PutObject";
  call.key = key_;
  call.query = {{"uploadId", upload_id_}};
  call.body = {&source, 0, document.size(), nullptr};
  call.payload_sha256 = sha256_of(bytes_of(document));
  call.patience = kCompletePatience;
  const auto answer = client_.call(call, deadline_);
  if (!answer.ok()) return answer.status();
  return look_whether_complete(*answer);
}

// Two answers do not say it: a 200 that has begun before it was known, and no such upload, where an answer was lost.
Status MultipartPut::look_whether_complete(const S3Answer& answer) {
  if (answer.is_success() && xml_root(answer.body) == "CompleteMultipartUploadResult") return {};
  S3Call call;
  call.action = "s3:GetObject";
  call.key = key_;
  call.headers = {{"range", "bytes=0-0"}};
  std::byte first{};
  call.into = ByteSpan(&first, 1);
  const auto object = client_.call(call, deadline_);
  if (!object.ok()) return object.status();
  const std::string range = object->header("content-range");
  if (object->is_success() && range.ends_with("/" + std::to_string(source_.size_bytes()))) return {};
  const S3Error error = parse_s3_error(answer.body);
  return {Code::IoError, key_ + ": its parts could not be put together: " + std::to_string(answer.status) + " " +
                             error.code + " " + error.message};
}

void MultipartPut::give_up() {
  S3Call call;
  call.method = "DELETE";
  call.action = "s3:AbortMultipartUpload";
  call.key = key_;
  call.query = {{"uploadId", upload_id_}};
  // What remains is the sweeper's, or the bucket's lifecycle rule's.
  (void)client_.call(call, steady_clock::now() + kGiveUpPatience);
}

void MultipartPut::fail(const Status& status) {
  const MutexLock lock(mutex_);
  if (failure_.ok()) failure_ = status;
}

Status MultipartPut::failure() {
  const MutexLock lock(mutex_);
  return failure_;
}

}  // namespace modelfs
