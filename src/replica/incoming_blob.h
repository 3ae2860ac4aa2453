// A blob of more than kInlineBlobBytesMax on its way here: read while it comes, and then a file of the store.
#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "catalog/remote_records.h"
#include "replica/fetch_context.h"

namespace modelfs {

// Safe for concurrent use. What comes is checked chunk by chunk before anybody sees it, and lies in the file
// `incoming/<digest>`. When all of it is there the file is synced and becomes the blob; those who read it meanwhile go
// on with the same file.
//
// Whoever waits is served in the order in which chunks are asked for, before what is loaded ahead. All work is done by
// the pool, in which blobs take turns.
class IncomingBlob : public std::enable_shared_from_this<IncomingBlob> {
 public:
  // Of one chunk; so much memory each thread of the pool takes.
  static constexpr std::uint64_t kChunkBytesMin = 64ull << 10;
  static constexpr std::uint64_t kChunkBytesMax = 16ull << 20;
  // 128 TiB in chunks of 8 MiB; for the memory that the list of them takes.
  static constexpr std::uint64_t kChunksMax = 1ull << 24;

  // All but the digest and the location outlive it. Corrupt: the location cannot be.
  static Result<std::shared_ptr<IncomingBlob>> make(FetchContext& context, ThreadPool& pool, const Digest& digest,
                                                    const LocationRecord& location);

  const Digest& digest() const { return digest_; }
  const std::string& object() const { return location_.object; }
  std::uint64_t size_bytes() const { return location_.size_bytes; }
  std::uint64_t chunk_bytes() const { return chunk_bytes_; }
  // What is here and checked.
  std::uint64_t bytes_here() const EXCLUDES(mutex_);
  bool is_complete() const EXCLUDES(mutex_);
  // How many are in wait_for() and wait_for_all().
  std::size_t waiting_count() const EXCLUDES(mutex_);

  // Those who read it. When the last one ends, what was only loaded ahead is not loaded any more, unless half of it is
  // there: then the rest comes, too.
  void begin_use() EXCLUDES(mutex_);
  void end_use() EXCLUDES(mutex_);

  bool has(std::uint64_t offset_bytes, std::size_t count_bytes) const EXCLUDES(mutex_);
  // Loads `chunk_count` chunks from that of `offset_bytes` on when nobody waits for others.
  void load_ahead(std::uint64_t offset_bytes, std::uint64_t chunk_count) EXCLUDES(mutex_);
  // Waits until these bytes are here. Unavailable: nothing came for the length of the fetch deadline, or somebody found
  // so less than Refusals::kRemembered ago. Corrupt: wrong bytes came, twice, or none are there. Stale: the registry
  // has the blob elsewhere since; make another. NoSpace.
  Status wait_for(std::uint64_t offset_bytes, std::size_t count_bytes) EXCLUDES(mutex_);
  // Loads all of it, and waits until it is a blob of this host. Interrupted: `goes_on` said no; asked once in a while.
  Status wait_for_all(const std::function<bool()>& goes_on) EXCLUDES(mutex_);
  // Of bytes that are here.
  Result<std::size_t> read_at(std::uint64_t offset_bytes, ByteSpan into) const;

 private:
  enum class Chunk : std::uint8_t { Absent, Asked, UnderWay, Here };
  enum class List : std::uint8_t { Absent, UnderWay, Here };
  using Number = std::uint64_t;  // of a chunk

  IncomingBlob(FetchContext& context, ThreadPool& pool, const Digest& digest, const LocationRecord& location,
               std::uint64_t chunk_bytes);

  Number chunk_of(std::uint64_t offset_bytes) const { return offset_bytes / chunk_bytes_; }
  std::size_t size_of(Number number) const;
  bool has_chunks(Number first, Number last) const REQUIRES(mutex_);
  // What somebody waits for.
  struct Wanted {
    Number first = 0;
    Number last = 0;
    bool as_blob = false;  // that all of it is a blob of this host
  };
  // Puts it into a queue; how many turns in the pool that takes.
  std::size_t ask(Number number, std::deque<Number>& queue) REQUIRES(mutex_);
  void take_turns(std::size_t count);
  Status wait(std::uint64_t failures_before, const Wanted& wanted, const std::function<bool()>& goes_on)
      EXCLUDES(mutex_);
  Status wait_locked(std::uint64_t failures_before, const Wanted& wanted, const std::function<bool()>& goes_on)
      REQUIRES(mutex_);

  // One turn in the pool: the most urgent work, if there is any.
  void work() EXCLUDES(mutex_);
  std::optional<Number> take() REQUIRES(mutex_);
  Status load_list() EXCLUDES(mutex_);
  Status load_chunk(Number number) EXCLUDES(mutex_);
  Result<Digest> hash_of_chunk(Number number) EXCLUDES(mutex_);
  // NotFound: there is none, and it is not to be made.
  Status open_file(bool makes) EXCLUDES(file_mutex_);
  bool take_old_bytes(Number number, const Digest& hash, ByteSpan buffer);
  Status write_chunk(Number number, ByteView bytes);
  // Becomes a blob of this host.
  Status adopt();
  void finish() EXCLUDES(mutex_);
  void refuse(const Status& status) EXCLUDES(mutex_);
  Status say_gone() const;

  FetchContext& context_;
  ThreadPool& pool_;
  const Digest digest_;
  const LocationRecord location_;
  const std::uint64_t chunk_bytes_;
  const Number chunk_count_;
  const ThreadPool::Owner owner_;  // its turns in the pool

  Mutex file_mutex_;  // leaf lock; held while the file is opened
  File file_;         // set once, before the first chunk is here
  std::atomic<bool> has_file_ = false;
  std::atomic<bool> has_old_bytes_ = false;  // of an earlier fetch: not checked yet

  mutable Mutex mutex_;  // leaf lock
  Condition changed_;
  List list_ GUARDED_BY(mutex_) = List::Absent;
  std::vector<Digest> hashes_ GUARDED_BY(mutex_);  // of the chunks, once the list is here
  std::vector<Chunk> chunks_ GUARDED_BY(mutex_);
  Number here_count_ GUARDED_BY(mutex_) = 0;
  std::uint64_t bytes_here_ GUARDED_BY(mutex_) = 0;
  std::deque<Number> asked_ GUARDED_BY(mutex_);
  std::deque<Number> ahead_ GUARDED_BY(mutex_);
  std::size_t users_ GUARDED_BY(mutex_) = 0;
  std::size_t waiting_count_ GUARDED_BY(mutex_) = 0;
  bool is_complete_ GUARDED_BY(mutex_) = false;
  // How often it could not be had, and why at last: for those who were waiting.
  std::uint64_t failures_ GUARDED_BY(mutex_) = 0;
  Status failure_ GUARDED_BY(mutex_);
};

}  // namespace modelfs
