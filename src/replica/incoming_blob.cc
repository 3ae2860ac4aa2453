#include "replica/incoming_blob.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>

#include "base/log.h"
#include "catalog/keys.h"
#include "catalog/records.h"
#include "replica/blob_upload.h"

namespace modelfs {
namespace {

// How often somebody who waits looks whether that still makes sense.
constexpr std::chrono::milliseconds kLookEvery{100};

ThreadPool::Owner next_owner() {
  static std::atomic<ThreadPool::Owner> last{0};
  return ++last;
}

}  // namespace

Result<std::shared_ptr<IncomingBlob>> IncomingBlob::make(FetchContext& context, ThreadPool& pool, const Digest& digest,
                                                         const LocationRecord& location) {
  const bool has_list = location.chunk_bytes != 0;
  const std::uint64_t chunk_bytes = has_list ? location.chunk_bytes : location.size_bytes;
  const bool is_possible = location.size_bytes > 0 && location.size_bytes < (1ull << 62) &&
                           chunk_bytes <= kChunkBytesMax && (!has_list || chunk_bytes >= kChunkBytesMin) &&
                           location.size_bytes / std::max<std::uint64_t>(chunk_bytes, 1) < kChunksMax &&
                           check_remote_name(location.object).ok();
  if (!is_possible) return Status(Code::Corrupt, "the place of blob " + digest.hex() + " in the bucket is damaged");
  return std::shared_ptr<IncomingBlob>(new IncomingBlob(context, pool, digest, location, chunk_bytes));
}

IncomingBlob::IncomingBlob(FetchContext& context, ThreadPool& pool, const Digest& digest,
                           const LocationRecord& location, std::uint64_t chunk_bytes)
    : context_(context),
      pool_(pool),
      digest_(digest),
      location_(location),
      chunk_bytes_(chunk_bytes),
      chunk_count_((location.size_bytes + chunk_bytes - 1) / chunk_bytes),
      owner_(next_owner()) {
  chunks_.resize(chunk_count_, Chunk::Absent);
  if (location.chunk_bytes != 0) return;
  hashes_ = {digest};
  list_ = List::Here;
}

std::size_t IncomingBlob::size_of(Number number) const {
  return std::min(chunk_bytes_, location_.size_bytes - number * chunk_bytes_);
}

std::uint64_t IncomingBlob::bytes_here() const {
  const MutexLock lock(mutex_);
  return bytes_here_;
}

bool IncomingBlob::is_complete() const {
  const MutexLock lock(mutex_);
  return is_complete_;
}

std::size_t IncomingBlob::waiting_count() const {
  const MutexLock lock(mutex_);
  return waiting_count_;
}

void IncomingBlob::begin_use() {
  const MutexLock lock(mutex_);
  ++users_;
}

void IncomingBlob::end_use() {
  std::size_t turns = 0;
  {
    const MutexLock lock(mutex_);
    if (--users_ > 0 || is_complete_) return;
    if (here_count_ * 2 >= chunk_count_) {
      for (Number number = 0; number < chunk_count_; ++number) turns += ask(number, ahead_);
    } else {
      for (Chunk& chunk : chunks_) {
        if (chunk == Chunk::Asked) chunk = Chunk::Absent;
      }
      asked_.clear();
      ahead_.clear();
    }
  }
  take_turns(turns);
}

bool IncomingBlob::has_chunks(Number first, Number last) const {
  for (Number number = first; number <= last; ++number) {
    if (chunks_[number] != Chunk::Here) return false;
  }
  return true;
}

bool IncomingBlob::has(std::uint64_t offset_bytes, std::size_t count_bytes) const {
  if (offset_bytes >= size_bytes() || count_bytes == 0) return true;
  const std::uint64_t last_byte = std::min(offset_bytes + count_bytes, size_bytes()) - 1;
  const MutexLock lock(mutex_);
  return has_chunks(chunk_of(offset_bytes), chunk_of(last_byte));
}

std::size_t IncomingBlob::ask(Number number, std::deque<Number>& queue) {
  Chunk& chunk = chunks_[number];
  if (chunk == Chunk::Here || chunk == Chunk::UnderWay) return 0;
  const bool is_new = chunk == Chunk::Absent;
  chunk = Chunk::Asked;
  // What is in a queue already may be more urgent now. It is taken once: from the queue where it is found first.
  if (is_new || &queue == &asked_) queue.push_back(number);
  const bool needs_list = is_new && list_ == List::Absent;
  return (is_new ? 1 : 0) + (needs_list ? 1 : 0);
}

void IncomingBlob::take_turns(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    pool_.submit([self = shared_from_this()] { self->work(); }, owner_);
  }
}

void IncomingBlob::load_ahead(std::uint64_t offset_bytes, std::uint64_t chunk_count) {
  if (offset_bytes >= size_bytes() || context_.stopping || context_.refusals->find(digest_)) return;
  std::size_t turns = 0;
  {
    const MutexLock lock(mutex_);
    if (here_count_ == chunk_count_) return;
    const Number first = chunk_of(offset_bytes);
    const Number end = std::min(first + chunk_count, chunk_count_);
    for (Number number = first; number < end; ++number) turns += ask(number, ahead_);
  }
  take_turns(turns);
}

Status IncomingBlob::wait_for(std::uint64_t offset_bytes, std::size_t count_bytes) {
  if (has(offset_bytes, count_bytes)) return {};
  const Number first = chunk_of(offset_bytes);
  const Number last = chunk_of(std::min(offset_bytes + count_bytes, size_bytes()) - 1);
  if (const auto refused = context_.refusals->find(digest_)) return *refused;
  std::size_t turns = 0;
  std::uint64_t failures = 0;
  {
    const MutexLock lock(mutex_);
    failures = failures_;
    for (Number number = first; number <= last; ++number) turns += ask(number, asked_);
  }
  take_turns(turns);
  return wait(failures, {.first = first, .last = last}, [] { return true; });
}

Status IncomingBlob::wait_for_all(const std::function<bool()>& goes_on) {
  if (const auto refused = context_.refusals->find(digest_)) return *refused;
  std::size_t turns = 0;
  std::uint64_t failures = 0;
  {
    const MutexLock lock(mutex_);
    failures = failures_;
    for (Number number = 0; number < chunk_count_; ++number) turns += ask(number, ahead_);
  }
  take_turns(turns);
  return wait(failures, {.as_blob = true}, goes_on);
}

Status IncomingBlob::wait(std::uint64_t failures_before, const Wanted& wanted, const std::function<bool()>& goes_on) {
  const MutexLock lock(mutex_);
  ++waiting_count_;
  Status status = wait_locked(failures_before, wanted, goes_on);
  --waiting_count_;
  return status;
}

Status IncomingBlob::wait_locked(std::uint64_t failures_before, const Wanted& wanted,
                                 const std::function<bool()>& goes_on) {
  const auto asked_at = std::chrono::steady_clock::now();
  while (wanted.as_blob ? !is_complete_ : !has_chunks(wanted.first, wanted.last)) {
    if (failures_ != failures_before) return failure_;
    if (context_.stopping) return {Code::Unavailable, "the mount ends"};
    if (!goes_on()) return {Code::Interrupted, "it was not waited for"};
    // Behind others that do not come either; a second more than these have.
    const auto since = std::max(asked_at, context_.bytes.last_success());
    if (std::chrono::steady_clock::now() - since > context_.bytes.deadline() + std::chrono::seconds(1)) {
      Status late(Code::Unavailable, context_.bytes.name_of(location_.object) + " did not come in time");
      context_.refusals->add(digest_, late);
      return late;
    }
    (void)changed_.wait_for(mutex_, kLookEvery);
  }
  return {};
}

Result<std::size_t> IncomingBlob::read_at(std::uint64_t offset_bytes, ByteSpan into) const {
  if (offset_bytes >= size_bytes() || into.empty()) return std::size_t{0};
  const std::size_t count = std::min<std::uint64_t>(into.size(), size_bytes() - offset_bytes);
  return modelfs::read_at(file_.fd(), offset_bytes, into.first(count));
}

std::optional<IncomingBlob::Number> IncomingBlob::take() {
  for (auto* queue : {&asked_, &ahead_}) {
    while (!queue->empty()) {
      const Number number = queue->front();
      queue->pop_front();
      if (chunks_[number] != Chunk::Asked) continue;
      chunks_[number] = Chunk::UnderWay;
      return number;
    }
  }
  return std::nullopt;
}

void IncomingBlob::work() {
  std::optional<Number> number;
  bool is_list = false;
  {
    const MutexLock lock(mutex_);
    if (context_.stopping) return;
    is_list = list_ == List::Absent && (!asked_.empty() || !ahead_.empty());
    if (is_list) list_ = List::UnderWay;
    if (!is_list) number = take();
  }
  if (!is_list && !number) return;  // it was given up
  Status status;
  try {
    status = is_list ? load_list() : load_chunk(*number);
  } catch (const std::exception& error) {
    status = Status(Code::Internal, error.what());
  }
  if (status.code() == Code::NotFound) status = say_gone();
  bool is_last = false;
  {
    const MutexLock lock(mutex_);
    if (is_list) list_ = status.ok() ? List::Here : List::Absent;
    if (number) chunks_[*number] = status.ok() ? Chunk::Here : Chunk::Absent;
    if (number && status.ok()) {
      bytes_here_ += size_of(*number);
      is_last = ++here_count_ == chunk_count_;
    }
  }
  // A chunk without the list of hashes was not the failure.
  if (!status.ok() && status.code() != Code::Interrupted) refuse(status);
  changed_.notify_all();
  if (is_last) finish();
}

void IncomingBlob::refuse(const Status& status) {
  // What is not remembered may be otherwise at once: the place in the registry, and the room on this disk.
  if (status.code() != Code::Stale && status.code() != Code::NoSpace) context_.refusals->add(digest_, status);
  const MutexLock lock(mutex_);
  ++failures_;
  failure_ = status;
  for (Chunk& chunk : chunks_) {
    if (chunk == Chunk::Asked) chunk = Chunk::Absent;
  }
  asked_.clear();
  ahead_.clear();
}

Status IncomingBlob::say_gone() const {
  // The sweeper removes what nobody refers to: then others refer to other objects since.
  const auto value = context_.keys.get(keys::location(digest_));
  const auto now = value.ok() ? LocationRecord::decode(*value) : value.status();
  if (now.ok() && now->object != location_.object) return {Code::Stale, "the bytes have been moved in the bucket"};
  return {Code::Corrupt,
          context_.bytes.name_of(location_.object) + " is missing; `modelfs verify --remote` lists the affected files"};
}

Status IncomingBlob::open_file(bool makes) {
  if (has_file_) return {};
  const MutexLock lock(file_mutex_);
  if (has_file_) return {};
  auto file = open_at(context_.incoming, digest_.hex(), O_RDWR | O_NOFOLLOW | (makes ? O_CREAT : 0), 0600);
  if (!file.ok()) return file.status();
  struct stat info {};
  if (::fstat(file->fd(), &info) != 0) return Status::from_errno(errno, "stat incoming/" + digest_.hex());
  if (::ftruncate(file->fd(), static_cast<off_t>(size_bytes())) != 0) {
    return Status::from_errno(errno, "truncate incoming/" + digest_.hex());
  }
  has_old_bytes_ = info.st_blocks > 0;
  file_ = std::move(*file);
  has_file_ = true;
  return {};
}

Status IncomingBlob::load_list() {
  std::vector<Digest> hashes(chunk_count_);
  const ByteSpan list(reinterpret_cast<std::byte*>(hashes.data()), hashes.size() * Digest::kSizeBytes);
  static_assert(sizeof(Digest) == Digest::kSizeBytes);
  const std::string object = location_.object + std::string(kChunksSuffix);
  if (Status status = context_.bytes.read_checked(object, 0, list, location_.chunks); !status.ok()) return status;
  const MutexLock lock(mutex_);
  hashes_ = std::move(hashes);
  return {};
}

Result<Digest> IncomingBlob::hash_of_chunk(Number number) {
  const MutexLock lock(mutex_);
  while (list_ == List::UnderWay) changed_.wait(mutex_);
  if (list_ == List::Absent) return Status(Code::Interrupted, "the list of its chunks did not come");
  return hashes_[number];
}

Status IncomingBlob::load_chunk(Number number) {
  if (Status status = open_file(false); !status.ok() && status.code() != Code::NotFound) return status;
  const std::size_t count = size_of(number);
  const auto buffer = std::make_unique_for_overwrite<std::byte[]>(count);
  const ByteSpan bytes(buffer.get(), count);
  if (has_old_bytes_) {
    const auto hash = hash_of_chunk(number);
    if (!hash.ok()) return hash.status();
    if (take_old_bytes(number, *hash, bytes)) return {};
  }
  // The list comes at the same time: so the first chunk is here after one request, and not after two.
  const Status here = context_.bytes.read_checked(location_.object, location_.offset_bytes + number * chunk_bytes_,
                                                  bytes, [this, number] { return hash_of_chunk(number); });
  return here.ok() ? write_chunk(number, bytes) : here;
}

bool IncomingBlob::take_old_bytes(Number number, const Digest& hash, ByteSpan buffer) {
  const off_t begin = static_cast<off_t>(number * chunk_bytes_);
  const off_t data = ::lseek(file_.fd(), begin, SEEK_DATA);
  if (data < 0 || data >= begin + static_cast<off_t>(buffer.size())) return false;
  const auto got = modelfs::read_at(file_.fd(), static_cast<std::uint64_t>(begin), buffer);
  if (!got.ok() || *got != buffer.size() || sha256_of(buffer) != hash) return false;
  context_.bytes_resumed += buffer.size();
  return true;
}

Status IncomingBlob::write_chunk(Number number, ByteView bytes) {
  if (!has_file_) context_.options.make_room(size_bytes());
  if (Status status = open_file(true); !status.ok()) return status;
  const std::uint64_t offset = number * chunk_bytes_;
  Status status = write_at(file_.fd(), offset, bytes);
  if (status.code() != Code::NoSpace) return status;
  context_.options.make_room(size_bytes());
  return write_at(file_.fd(), offset, bytes);
}

Status IncomingBlob::adopt() {
  const std::string name = digest_.hex();
  // After power loss nothing is under a blob's name that is not all there, so a start need not check what it finds.
  if (Status status = sync_file(file_.fd(), "incoming/" + name); !status.ok()) return status;
  struct stat info {};
  if (::fstat(file_.fd(), &info) != 0) return Status::from_errno(errno, "stat incoming/" + name);
  if (Status status = context_.blobs.adopt(digest_, context_.incoming, name); !status.ok()) return status;
  if (Status status = context_.blobs.sync({digest_}); !status.ok()) return status;
  BlobRecord record;
  record.size_bytes = size_bytes();
  record.allocated_bytes = static_cast<std::uint64_t>(info.st_blocks) * 512;
  record.crc32 = location_.crc32;
  Batch batch;
  batch.put(keys::blob(digest_), record.encode());
  if (Status status = context_.keys.commit(batch, Durability::Buffered); !status.ok()) return status;
  ::unlinkat(context_.incoming, name.c_str(), 0);
  return {};
}

void IncomingBlob::finish() {
  const Status adopted = adopt();
  {
    const MutexLock lock(mutex_);
    is_complete_ = adopted.ok();
    if (!adopted.ok()) {
      ++failures_;
      failure_ = adopted;
    }
  }
  changed_.notify_all();
  if (!adopted.ok()) return log::warn("blob {} is here, but cannot stay: {}", digest_.hex(), adopted.message());
  ++context_.blobs_cached;
  context_.options.on_cached(size_bytes());
}

}  // namespace modelfs
