// The bytes of draft files that are open: reading, writing, and hashing them while they are written.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "base/types.h"
#include "content/blob_extent.h"
#include "drafts/blob_references.h"
#include "drafts/draft_hashes.h"
#include "drafts/draft_records.h"
#include "drafts/draft_space.h"
#include "drafts/host_files.h"
#include "drafts/shutdown.h"
#include "drafts/write_listener.h"

namespace modelfs {

// What a draft file needs of the drafts that it is one of. All of it outlives the file.
struct DraftFileContext {
  const HostFiles& hosts;
  const DraftRecords& records;
  DraftHashes& hashes;
  DraftSpace& space;
  const BlobReferences& references;
  const Shutdown& shutdown;
  ThreadPool& workers;  // hash files behind their writers
};

// A draft file while at least one handle holds it. Safe for concurrent use.
//
// Its hash is computed from the host file, behind the writer, as long as writing goes in order; a write below what was
// hashed makes the last close hash the whole file. So what is named by the hash is what lies on the disk, whatever
// order it came in.
//
// Its bytes may be borrowed: those of a blob, or the first of them. Then there is no host file until something changes;
// they are copied to one first, so that no change ever reaches a blob. A new file borrows the empty blob, and small
// bytes that are written to it at once become a blob that it borrows (DraftHandle::write).
class DraftFile : public std::enable_shared_from_this<DraftFile> {
 public:
  // Bytes hashed at once, and the lead a writer must have before somebody hashes behind it.
  static constexpr std::uint64_t kHashChunkBytes = 1ull << 20;
  // Files above this are synced when they are closed: they become blob files. Smaller ones go into the catalog's own
  // log.
  static constexpr std::uint64_t kSyncedBytesMin = 64 * 1024 + 1;

  // The first `size_bytes` of a blob.
  struct Borrowed {
    std::shared_ptr<const BlobExtent> from;
    std::uint64_t size_bytes = 0;
    bool is_durable = true;  // power loss does not take them away
    bool is_whole() const { return size_bytes == from->size_bytes(); }
  };

  // `host`: the host file, none if its bytes are `borrowed`; `writable` as it was opened. `recorded`: its stored hash,
  // if it is still good.
  // `owner`: whose file it is, for whom the workers hash it.
  DraftFile(Ino ino, File host, bool writable, std::optional<DraftHash> recorded, std::optional<Borrowed> borrowed,
            const DraftFileContext& context, ThreadPool::Owner owner);

  Ino ino() const { return ino_; }
  // -1 as long as it borrows.
  int host() const { return host_.fd(); }
  bool writable() const { return writable_; }

  Result<std::size_t> read(std::uint64_t offset_bytes, ByteSpan into) const EXCLUDES(mutex_);
  // lseek(2) with SEEK_DATA or SEEK_HOLE. Borrowed bytes show no holes.
  Result<std::uint64_t> seek(std::uint64_t offset_bytes, int whence) const EXCLUDES(mutex_);
  // What its follower has found to be beyond cure, if this goes on behind it.
  Status write(std::uint64_t offset_bytes, ByteView bytes) EXCLUDES(mutex_);
  Status truncate(std::uint64_t size_bytes) EXCLUDES(mutex_);
  // fallocate(2) with its modes.
  Status allocate(int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes) EXCLUDES(mutex_);

  // Borrows `from`, where the file has exactly its bytes up to `offset_bytes` already; then `record` makes that known
  // to the store. Conflict: it has others, or is being changed. `offset_bytes` 0: it has none.
  Status borrow(Borrowed from, std::uint64_t offset_bytes, const std::function<Status()>& record) EXCLUDES(mutex_);
  bool is_borrowed() const EXCLUDES(mutex_);
  // True while it has no bytes because nothing was written to it yet.
  bool is_fresh() const EXCLUDES(mutex_);
  // True when the next change may take long: it copies what is borrowed.
  bool may_block_setattr() const EXCLUDES(mutex_);
  // Copies what is borrowed, at most `bytes_max`, to a host file, as durably as it was; the rest is given up.
  Status own(std::uint64_t bytes_max = ~std::uint64_t{0}) EXCLUDES(mutex_);

  // From now on every change answers Immutable: the bytes are about to be published. Waits for changes under way.
  void seal() EXCLUDES(mutex_);
  // They were not published: changes are welcome again.
  void unseal() EXCLUDES(mutex_);

  // fsync(2) of the bytes, as far as they lie in the host file; DraftTree::sync_names() does the rest. IoError: see
  // settle().
  Status sync() EXCLUDES(mutex_);

  // Hashes what is not hashed yet, syncs what needs it and records the hash. Conflict when somebody writes meanwhile;
  // then the last writer's call does it. Busy: the store is being closed, and the next start goes on; a commit is given
  // Shutdown::kPatience before. IoError: the bytes did not reach the disk; they cannot be published until they are
  // written anew.
  // Interrupted: `given_up`, which is asked now and then, said that nobody waits for it any more; what was hashed so
  // far counts for the next call.
  enum class SettleFor : std::uint8_t { LaterCommit, Commit };
  using GivenUp = std::function<bool()>;
  Status finalize(SettleFor what, const GivenUp& given_up = {}) EXCLUDES(mutex_);
  // finalize(LaterCommit) by the workers, a piece in each of its owner's turns. Whoever calls finalize() meanwhile goes
  // on where they are.
  void finalize_behind() EXCLUDES(mutex_);
  // It was opened anew, and that one is the file from now on: no hash of this one is recorded any more.
  void supersede() EXCLUDES(mutex_);
  // True when settle() may take long: unless all of it is in the page cache and there is little.
  bool may_block_finalize() const EXCLUDES(mutex_);
  // Counts changes of its bytes since it was opened.
  std::uint64_t changes() const EXCLUDES(mutex_);
  // From now on tells `follower` what is written in order, beginning with what was so far, as long as it lives. One
  // follower at a time. False: it was not written in order so far.
  bool follow(const std::shared_ptr<WriteListener>& follower) EXCLUDES(mutex_);
  // The hash of its bytes as they are; nothing: they are to be hashed first, or are a blob's.
  std::optional<DraftHash> recorded() const EXCLUDES(mutex_);
  // Bytes that settle() would have to read now.
  std::uint64_t unhashed_bytes() const EXCLUDES(mutex_);

 private:
  // `kept_bytes`: of borrowed bytes, how many the change leaves.
  Status begin_change(std::uint64_t offset_bytes, std::uint64_t kept_bytes = ~std::uint64_t{0}) EXCLUDES(mutex_);
  std::optional<Borrowed> borrowed() const EXCLUDES(mutex_);
  Status copy_to_host(const Borrowed& from, std::uint64_t size_bytes);
  void end_change() EXCLUDES(mutex_);
  // The follower's verdict, for a write at `offset_bytes`.
  Status verdict_on(std::uint64_t offset_bytes) const EXCLUDES(mutex_);
  // What was written in order is changed from `offset_bytes` on.
  void spoil_order(std::uint64_t offset_bytes) REQUIRES(mutex_);
  // What is known of the file when somebody takes hasher_ over, which has the bytes before `from_bytes`.
  struct Hashing {
    std::uint64_t from_bytes = 0;
    std::uint64_t epoch = 0;
    std::uint64_t changes = 0;
    SettleFor what = SettleFor::LaterCommit;
  };
  // One turn of the workers, and the next one if it leaves something to hash.
  void hash_in_turn() EXCLUDES(mutex_);
  void hash_behind(const Hashing& hashing, std::uint64_t end_bytes) EXCLUDES(mutex_);
  void take_turn() REQUIRES(mutex_);
  Hashing take_hasher(SettleFor what) REQUIRES(mutex_);
  void drop_hash() REQUIRES(mutex_);
  // Waits until nobody hashes and takes hasher_. Nothing: it has its hash.
  Result<std::optional<Hashing>> begin_finalizing(SettleFor what, const GivenUp& given_up) EXCLUDES(mutex_);
  // Hashes at most `bytes_max` and, with the last of them, syncs and records. True: there is more.
  Result<bool> finalize_piece(const Hashing& hashing, std::uint64_t bytes_max, const GivenUp& given_up)
      EXCLUDES(mutex_);
  Status record_hash(std::uint64_t size_bytes, const Status& synced) REQUIRES(mutex_);
  // Whether a hash is to be cut short, because the store is being closed.
  bool is_to_stop(SettleFor what) const;
  // Hashes up to `end_bytes`; stops early when the file was changed below its position, or nobody needs it any more.
  Result<std::uint64_t> hash_range(const Hashing& hashing, std::uint64_t end_bytes, const GivenUp& given_up)
      EXCLUDES(mutex_);

  const Ino ino_;
  File host_;  // made by whoever set owning_; constant once nothing is borrowed
  const bool writable_;
  const DraftFileContext context_;
  const ThreadPool::Owner owner_;

  mutable Mutex mutex_;
  Condition idle_;
  std::optional<DraftHash> recorded_ GUARDED_BY(mutex_);  // what the store knows; empty: changed since
  bool damaged_ GUARDED_BY(mutex_) = false;
  std::uint64_t epoch_ GUARDED_BY(mutex_) = 0;    // counts changes below hashed_
  std::uint64_t changes_ GUARDED_BY(mutex_) = 0;  // counts changes
  unsigned changing_ GUARDED_BY(mutex_) = 0;      // changes under way
  bool sealed_ GUARDED_BY(mutex_) = false;
  std::optional<Borrowed> borrowed_ GUARDED_BY(mutex_);
  bool owning_ GUARDED_BY(mutex_) = false;        // somebody copies what is borrowed
  std::uint64_t hashed_ GUARDED_BY(mutex_) = 0;   // bytes in hasher_
  std::uint64_t ordered_ GUARDED_BY(mutex_) = 0;  // bytes written in order from the start
  bool in_order_ GUARDED_BY(mutex_) = true;
  // hasher_ has the first hashed_ bytes as they were after so many changes, also where it was not written in order.
  std::optional<std::uint64_t> kept_at_ GUARDED_BY(mutex_);
  std::weak_ptr<WriteListener> follower_ GUARDED_BY(mutex_);
  bool queued_ GUARDED_BY(mutex_) = false;           // waits for a turn of the workers
  bool finalize_behind_ GUARDED_BY(mutex_) = false;  // they are to finalize it
  bool superseded_ GUARDED_BY(mutex_) = false;
  bool hashing_ GUARDED_BY(mutex_) = false;  // somebody owns hasher_
  Hasher hasher_;                            // of whoever set hashing_
};

}  // namespace modelfs
