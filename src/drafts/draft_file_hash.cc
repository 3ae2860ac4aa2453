// The hash of a draft file: behind its writer, in turns with other files, and finished at its last close.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>
#include <vector>

#include "drafts/draft_file.h"
#include "drafts/holes.h"

namespace modelfs {
namespace {

// Bytes after which whoever hashes looks whether the file is still there and anybody waits for it, and the workers turn
// to the next file.
constexpr std::uint64_t kHashPieceBytes = 32ull << 20;
// How far the disk is kept busy behind a writer, so that the sync at close finds little left to do.
constexpr std::uint64_t kEarlyWritebackBytes = 16ull << 20;
// How often who waits for another's hash looks whether it is still waited for.
constexpr std::chrono::milliseconds kGivenUpInterval{100};

Result<std::uint64_t> host_size_of(int fd) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return Status::from_errno(errno, "stat a draft file");
  return static_cast<std::uint64_t>(info.st_size);
}

// Starts the disk early with what was hashed in [from, to); an error shows at the sync.
void write_back_early(int fd, std::uint64_t from_bytes, std::uint64_t to_bytes) {
  if (from_bytes / kEarlyWritebackBytes == to_bytes / kEarlyWritebackBytes) return;
  const std::uint64_t start = from_bytes / kEarlyWritebackBytes * kEarlyWritebackBytes;
  (void)::sync_file_range(fd, static_cast<off_t>(start), static_cast<off_t>(kEarlyWritebackBytes),
                          SYNC_FILE_RANGE_WRITE);
}

// Reads a file piece by piece, without reading its holes.
class PieceReader {
 public:
  PieceReader(int fd, std::uint64_t from_bytes, std::uint64_t end_bytes)
      : fd_(fd),
        end_bytes_(end_bytes),
        run_{false, from_bytes},
        buffer_(std::min<std::uint64_t>(DraftFile::kHashChunkBytes, end_bytes - from_bytes)) {}

  // At most kHashChunkBytes that stand at `at_bytes`, which lies before the end; none: the file ends there.
  Result<ByteView> read(std::uint64_t at_bytes) {
    if (at_bytes >= run_.end_bytes) run_ = run_at(fd_, at_bytes, end_bytes_);
    const std::size_t size_bytes = std::min<std::uint64_t>(buffer_.size(), run_.end_bytes - at_bytes);
    if (run_.is_hole) {
      if (!std::exchange(is_zeroed_, true)) std::fill(buffer_.begin(), buffer_.end(), std::byte{0});
      return ByteView(buffer_.data(), size_bytes);
    }
    is_zeroed_ = false;
    const auto got = read_at(fd_, at_bytes, ByteSpan(buffer_.data(), size_bytes));
    if (!got.ok()) return got.status();
    return ByteView(buffer_.data(), *got);
  }

 private:
  const int fd_;
  const std::uint64_t end_bytes_;
  FileRun run_;
  std::vector<std::byte> buffer_;
  bool is_zeroed_ = false;
};

}  // namespace

bool DraftFile::is_to_stop(SettleFor what) const {
  return what == SettleFor::Commit ? !context_.shutdown.check_not_over().ok() : context_.shutdown.has_begun();
}

Result<std::uint64_t> DraftFile::hash_range(const Hashing& hashing, std::uint64_t end_bytes, const GivenUp& given_up) {
  std::uint64_t position = hashing.from_bytes;
  if (position >= end_bytes) return position;
  PieceReader pieces(host_.fd(), position, end_bytes);
  while (position < end_bytes) {
    const auto bytes = pieces.read(position);
    if (!bytes.ok()) return bytes.status();
    if (bytes->empty()) break;  // truncated meanwhile
    hasher_.add(*bytes);
    const std::uint64_t before = std::exchange(position, position + bytes->size());
    write_back_early(host_.fd(), before, position);
    if (before / kHashPieceBytes != position / kHashPieceBytes) {
      // Nobody needs the hash of what was removed, though somebody may still have it open.
      if (context_.records.is_removed(ino_)) break;
      if (given_up && given_up()) break;
    }
    const MutexLock lock(mutex_);
    if (epoch_ != hashing.epoch || superseded_ || is_to_stop(hashing.what)) break;
    if (!in_order_ && changes_ != hashing.changes) break;  // it would be hashed for nothing
  }
  return position;
}

DraftFile::Hashing DraftFile::take_hasher(SettleFor what) {
  hashing_ = true;
  if (!in_order_ && kept_at_ != changes_) {
    hasher_ = Hasher();
    hashed_ = 0;
  }
  return {hashed_, epoch_, changes_, what};
}

void DraftFile::drop_hash() {
  hasher_ = Hasher();
  hashed_ = 0;
  kept_at_.reset();
  // Whoever writes on makes the next close begin at the start, and nothing is lost where it begins there anyway: shells
  // and tar close a descriptor of an empty file before its writer begins.
  in_order_ = in_order_ && ordered_ == 0;
}

// Behind.

void DraftFile::take_turn() {
  if (queued_ || hashing_) return;  // whoever hashes takes the next turn
  queued_ = true;
  context_.workers.submit([self = shared_from_this()] { self->hash_in_turn(); }, owner_);
}

void DraftFile::finalize_behind() {
  const MutexLock lock(mutex_);
  finalize_behind_ = true;
  take_turn();
}

void DraftFile::hash_in_turn() {
  bool finalizes = false;
  Hashing hashing;
  std::uint64_t end_bytes = 0;
  {
    const MutexLock lock(mutex_);
    queued_ = false;
    if (hashing_ || context_.shutdown.has_begun()) return;
    finalizes = finalize_behind_;
    if (!finalizes) {
      if (!in_order_ || ordered_ - hashed_ < kHashChunkBytes) return;
      hashing = take_hasher(SettleFor::LaterCommit);
      end_bytes = hashed_ + std::min((ordered_ - hashed_) / kHashChunkBytes * kHashChunkBytes, kHashPieceBytes);
    }
  }
  if (!finalizes) return hash_behind(hashing, end_bytes);
  const auto begun = begin_finalizing(SettleFor::LaterCommit, {});
  if (begun.ok() && *begun) (void)finalize_piece(**begun, kHashPieceBytes, {});
}

void DraftFile::hash_behind(const Hashing& hashing, std::uint64_t end_bytes) {
  const auto reached = hash_range(hashing, end_bytes, {});
  const MutexLock lock(mutex_);
  hashing_ = false;
  idle_.notify_all();
  if (!reached.ok() || epoch_ != hashing.epoch) {
    drop_hash();  // the last close hashes everything, and meets the error again
  } else {
    hashed_ = *reached;
  }
  const bool goes_on = in_order_ && reached.ok() && *reached == end_bytes && ordered_ - hashed_ >= kHashChunkBytes;
  if (goes_on || finalize_behind_) take_turn();
}

// Finishing.

Result<std::optional<DraftFile::Hashing>> DraftFile::begin_finalizing(SettleFor what, const GivenUp& given_up) {
  if (const auto lent = borrowed()) {
    if (lent->is_whole()) return std::optional<Hashing>();  // its hash is the blob's
    if (Status status = own(); !status.ok()) return status;
  }
  for (;;) {
    {
      const MutexLock lock(mutex_);
      if (hashing_) (void)idle_.wait_for(mutex_, kGivenUpInterval);
      if (!hashing_) {
        if (damaged_) return Status(Code::IoError, "an earlier sync of the file failed; truncate it and write it anew");
        if (recorded_) return std::optional<Hashing>();
        if (superseded_) return Status(Code::Conflict, "the file is being written");
        return std::optional(take_hasher(what));
      }
    }
    if (given_up && given_up()) return Status(Code::Interrupted, "nobody waits for its sum any more");
  }
}

Result<bool> DraftFile::finalize_piece(const Hashing& hashing, std::uint64_t bytes_max, const GivenUp& given_up) {
  const auto size = host_size_of(host_.fd());
  const std::uint64_t left_bytes = size.ok() ? *size - std::min(*size, hashing.from_bytes) : 0;
  const std::uint64_t end_bytes = hashing.from_bytes + std::min(left_bytes, bytes_max);
  const Result<std::uint64_t> reached = size.ok() ? hash_range(hashing, end_bytes, given_up) : size;
  const bool is_all = reached.ok() && *reached == *size;
  Status synced;
  if (is_all && *size >= kSyncedBytesMin && ::fdatasync(host_.fd()) != 0) {
    synced = Status::from_errno(errno, "sync a draft file");
  }

  const MutexLock lock(mutex_);
  hashing_ = false;
  idle_.notify_all();
  if (!reached.ok() || changes_ != hashing.changes) {
    finalize_behind_ = false;
    drop_hash();
    return reached.ok() ? Status(Code::Conflict, "the file is being written") : reached.status();
  }
  if (is_all) {
    finalize_behind_ = false;
    if (Status status = record_hash(*size, synced); !status.ok()) return status;
    return false;
  }
  hashed_ = *reached;
  kept_at_ = hashing.changes;
  if (is_to_stop(hashing.what)) return Status(Code::Busy, "it is not summed, and the store is being closed");
  const bool is_piece = *reached == end_bytes;
  if (!is_piece && !given_up) finalize_behind_ = false;  // it was removed, or opened anew
  if (finalize_behind_) take_turn();
  if (is_piece) return true;
  if (given_up && given_up()) return Status(Code::Interrupted, "nobody waits for its sum any more");
  return Status(Code::Conflict, "the file is being written");
}

Status DraftFile::record_hash(std::uint64_t size_bytes, const Status& synced) {
  const DraftHash record{size_bytes, hasher_.finish(), !synced.ok()};
  drop_hash();
  if (superseded_) return {Code::Conflict, "the file is being written"};
  damaged_ = record.damaged;  // never synced again as if it could succeed: the pages may be gone
  if (Status status = context_.hashes.remember(ino_, record); !status.ok()) return status;
  recorded_ = record;
  return synced;
}

Status DraftFile::finalize(SettleFor what, const GivenUp& given_up) {
  const auto begun = begin_finalizing(what, given_up);
  if (!begun.ok() || !*begun) return begun.status();
  return finalize_piece(**begun, ~std::uint64_t{0}, given_up).status();
}

}  // namespace modelfs
