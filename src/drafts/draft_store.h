// Drafts: what is being written. Names, owners and attributes are keys of the store, as are the bytes of small files;
// those of others are plain host files drafts/<xx>/<ino>. So a draft survives whatever the daemon does not, and a
// commit takes names and files over in one batch.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "content/blob_pins.h"
#include "drafts/draft_file.h"
#include "drafts/draft_records.h"
#include "drafts/ino_allocator.h"
#include "store/blob_store.h"
#include "store/key_value_store.h"

namespace modelfs {

class DraftStore;

// A draft inode as it is presented.
struct DraftInode {
  Ino ino = kNoIno;
  DraftRecord record;
  std::uint64_t size_bytes = 0;
  std::uint64_t blocks = 0;  // of 512 bytes
  TimeNs atime{}, mtime{}, ctime{};
};

struct DraftName {
  std::string name;
  Ino ino = kNoIno;
  FileType type = FileType::Regular;
};

// What a new draft inode is made of.
struct NewDraft {
  FileType type = FileType::Regular;
  Ownership owner;
  std::string target;  // symlinks, at most kSymlinkBytesMax
};

// What setattr changes; empty members stay.
struct DraftChange {
  std::optional<std::uint32_t> mode;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::optional<std::uint64_t> size_bytes;
  std::optional<TimeNs> atime, mtime;
};

// Where drafts are made that are to be moved into place; not listed as content anywhere.
inline constexpr std::string_view kStageName = ".stage";
// So begin the names of the drafts in `.stage` that `modelfs put` fills: they come and go without a request.
inline constexpr std::string_view kPutPrefix = ".put-";
// Longest target of a symlink. Source: PATH_MAX of Linux, which counts the NUL.
inline constexpr std::size_t kSymlinkBytesMax = 4095;
// Largest value of an extended attribute. Source: XATTR_SIZE_MAX of Linux.
inline constexpr std::size_t kAttributeBytesMax = 65536;
// How much small bytes of removed drafts may lie in the catalog before they are looked through.
inline constexpr std::uint64_t kGcCandidateBytesMax = 64ull << 20;
inline constexpr std::size_t kGcCandidatesMax = 16'384;
// How long a commit waits for files that are closed but not yet released.
inline constexpr int kReleaseWaitMs = 1000;

// An open draft file. Destroying the handle is the release. Methods may be called from several threads.
class DraftHandle {
 public:
  DraftHandle(DraftStore& store, std::shared_ptr<DraftFile> file, bool writes, pid_t pid);
  ~DraftHandle();
  DraftHandle(const DraftHandle&) = delete;
  DraftHandle& operator=(const DraftHandle&) = delete;

  DraftFile& file() const { return *file_; }
  bool writes() const { return writes_; }
  Status write(std::uint64_t offset_bytes, ByteView bytes);
  Status allocate(int mode, std::uint64_t offset_bytes, std::uint64_t length_bytes);
  // One close(2) of a descriptor: the handle is closing until it is written again. The last writer's close settles the
  // file; when `given_up` says that the closer is gone, that is left to who publishes it.
  Status flush(const DraftFile::GivenUp& given_up = {});

 private:
  friend class DraftStore;
  DraftStore& store_;
  std::shared_ptr<DraftFile> file_;
  const bool writes_;
  const pid_t pid_;
  bool closing_ = false;  // guarded by store_.opens_mutex_
};

// One file of a frozen draft.
struct FrozenEntry {
  std::uint32_t parent = 0;  // index into FrozenDraft::entries; the root's is 0
  std::string name;          // empty for the root
  Ino ino = kNoIno;
  DraftRecord record;
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;
  TimeNs mtime{};
  bool named_outside = false;  // regular files: has a name outside the draft
  bool grafted = false;        // a file that lies elsewhere and joins the draft with its commit
};

// A draft that nobody can change as long as this lives. Entry 0 is its root; a directory stands before what is in it.
class FrozenDraft {
 public:
  ~FrozenDraft();
  FrozenDraft(const FrozenDraft&) = delete;
  FrozenDraft& operator=(const FrozenDraft&) = delete;

  const std::vector<FrozenEntry>& entries() const { return entries_; }
  std::string path_of(std::uint32_t index) const;
  // The hash of a regular file. Hashes what was not hashed yet, if `may_hash`; else Busy, naming the file.
  Result<DraftHash> hash(std::uint32_t index, bool may_hash) const;
  // Bytes of its files that have no hash yet.
  std::uint64_t unhashed_bytes() const;
  // The bytes of a regular file. TooLarge above `max_bytes`.
  Result<std::string> read(std::uint32_t index, std::size_t max_bytes) const;
  // Where that file lies: a name in DraftStore::directory().
  std::string host_name(std::uint32_t index) const;
  // Says that the batch of retire() was committed: its inodes are dead from now on, and nobody opens them again.
  void mark_published();

 private:
  friend class DraftStore;
  explicit FrozenDraft(DraftStore& store) : store_(store) {}
  DraftStore& store_;
  std::vector<FrozenEntry> entries_;
  std::vector<Ino> companions_;  // outside, frozen with it
  Ino beneath_ = kNoIno;         // the directory whose place it takes
};

// A regular draft file that nobody can change as long as this lives, and for ever once it was published.
class SealedFile {
 public:
  ~SealedFile();
  SealedFile(const SealedFile&) = delete;
  SealedFile& operator=(const SealedFile&) = delete;

  Ino ino() const { return file_->ino(); }
  // A read-only view of its bytes.
  int host() const { return file_->host(); }
  const DraftHash& hash() const { return hash_; }
  // All of its bytes. TooLarge above `max_bytes`.
  Result<std::string> text(std::size_t max_bytes) const;
  std::uint64_t allocated_bytes() const { return allocated_bytes_; }
  // Where the bytes lie: a name in DraftStore::directory().
  std::string host_name() const;
  // It was published: whoever still holds it open for writing gets Immutable.
  void keep() { is_kept_ = true; }

 private:
  friend class DraftStore;
  explicit SealedFile(DraftStore& store) : store_(store) {}
  DraftStore& store_;
  std::shared_ptr<DraftFile> file_;
  DraftHash hash_;
  std::uint64_t allocated_bytes_ = 0;
  bool is_kept_ = false;
};

// Safe for concurrent use. Lock order: names_mutex_ before opens_mutex_ before a DraftFile's.
// Any inode number may hold draft names: those of committed places (a domain, a release) hold the drafts laid over
// them.
class DraftStore : private DraftFileHost {
 public:
  struct Options {
    // Below so much free space files stop growing, so that there is room to remove them.
    std::uint64_t reserve_bytes = 0;
    // Nothing is written: what an end has left stays.
    bool read_only = false;
  };

  // `dir` is the directory drafts/ of the store and stays open as long as this lives, as do `keys`, `blobs`, `inos` and
  // `pins`.
  // Clears what the last process left half-done, but for what sweep() does; not what the disk refuses to have cleared.
  static Result<std::unique_ptr<DraftStore>> open(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos,
                                                  BlobPins& pins, const Options& options);
  ~DraftStore();
  DraftStore(const DraftStore&) = delete;
  DraftStore& operator=(const DraftStore&) = delete;

  int directory() const { return dir_; }

  // True for the inodes of a draft that was published and is not swept yet.
  bool is_dead(Ino ino) const EXCLUDES(names_mutex_);
  // Makes every name and attribute so far durable.
  Status sync_names();
  // Moves the times of a committed place whose names have changed in the catalog.
  void touch_place(Ino place);
  // Sets the owner and mode of a committed place that has no record of its own in the catalog (the root).
  Status set_place_owner(Ino place, const Ownership& owner);
  // Adds to `batch` that the draft directory is there when it is committed (else that is a Conflict), and that its
  // names change. NotFound.
  Status hold_directory(Ino directory, Batch& batch) const;
  // Where the draft directory `ino` is named.
  struct NamedAt {
    Ino directory = kNoIno;
    std::string name;
  };
  Result<NamedAt> name_of(Ino directory) const;

  // NotFound: no draft inode of that number.
  Result<DraftInode> stat(Ino ino) const;
  // NotFound: `directory` holds no draft of that name.
  Result<DraftEntry> lookup(Ino directory, std::string_view name) const;
  Result<std::vector<DraftName>> list(Ino directory) const;
  // When draft names last came or went in a committed place; 0: never.
  TimeNs names_changed(Ino place) const;

  // AlreadyExists, IllegalName, NameTooLong, InvalidArgument, NoSpace, Busy (being published), NotFound (the directory
  // was removed).
  Result<DraftInode> make(Ino directory, std::string_view name, const NewDraft& fresh);
  Result<DraftInode> link(Ino file, Ino directory, std::string_view name);
  Status unlink(Ino directory, std::string_view name);
  // `check` is asked before, while a commit that holds the directory to be removed (hold_directory) would make this
  // fail: whether something lies in it that is no draft.
  Status rmdir(Ino directory, std::string_view name, const std::function<Status()>& check = nullptr);
  // rename(2); `replace` false: AlreadyExists if the target exists.
  Status rename(Ino directory, std::string_view name, Ino new_directory, std::string_view new_name, bool replace);
  Status exchange(Ino directory, std::string_view name, Ino other_directory, std::string_view other_name);

  // `given_up`: as for DraftHandle::flush(), where a new size makes it hash the file.
  Result<DraftInode> setattr(Ino ino, const DraftChange& change, const DraftFile::GivenUp& given_up = {});
  Result<std::string> getxattr(Ino ino, std::string_view name) const;  // NoAttribute
  Result<std::vector<std::string>> listxattr(Ino ino) const;
  enum class AttributeMode { Set, Create, Replace };
  Status setxattr(Ino ino, std::string_view name, std::string_view value, AttributeMode mode);
  Status removexattr(Ino ino, std::string_view name);

  // Opens a regular file. What may be written is no blob's file.
  Result<std::unique_ptr<DraftHandle>> open_file(Ino ino, bool writes, pid_t pid);
  // Copies [offset, offset + count) of a blob into the same place of a file, without moving a byte: the file borrows
  // them. The caller has a pin on the blob. Conflict: the file does not hold exactly what stands before them in the
  // blob, or somebody is changing it; copy them. Busy: it is being published. Corrupt: the blob is damaged.
  Status borrow(DraftHandle& handle, const Digest& blob, std::uint64_t offset_bytes, std::uint64_t count_bytes);

  // Tells `follower` of what is written to the file in order. False: nobody has it open for writing, or it was not
  // written in order so far.
  bool follow(Ino ino, const std::shared_ptr<WriteListener>& follower);

  // Freezes the draft directory `root`. Waits, bounded by kReleaseWaitMs, for files that are closed but not yet
  // released. Busy: a file is open for writing (names it and the process), or the draft is being published already.
  Result<std::unique_ptr<FrozenDraft>> freeze(Ino root);
  // A sealed file joins the draft as `name` at its top.
  Status graft(FrozenDraft& draft, const SealedFile& file, std::string_view name) const;
  // Freezes with it the draft directory `beneath`, whose place it will take. Busy: that is being published. NotEmpty:
  // there is more in it than the draft itself and an empty `.stage`.
  Status freeze_replaced_dir(FrozenDraft& draft, Ino beneath);
  // Adds to `batch` what takes that directory, which stands at `place`, out of the drafts.
  void retire_replaced_dir(const FrozenDraft& draft, const NamedAt& place, Batch& batch) const;
  // Adds to `batch` what takes a frozen draft out of the drafts: its name goes now, its inodes are swept afterwards. A
  // file with a name outside goes on there with the bytes of the blob whose hash `hash_of(index)` is.
  Status retire(const FrozenDraft& draft, Ino directory, std::string_view name, Batch& batch,
                const std::function<ContentHash(std::uint32_t index)>& hash_of);
  // Hashes the files of a frozen draft behind, so that the next try finds them hashed.
  void hash_in_background(const FrozenDraft& draft);
  // The bytes of a small file beside the draft, which is frozen with it. Busy: it is open for writing. TooLarge above
  // `max_bytes`.
  Result<std::string> read_finished(FrozenDraft& draft, Ino ino, std::size_t max_bytes);
  // Seals the regular file `ino` and hashes it. Conflict: somebody has it open for writing, whose close is still to
  // come. Busy: it is being published, or the end came first (check_not_over()).
  Result<std::unique_ptr<SealedFile>> seal(Ino ino);
  // Takes a draft directory nobody knows out of the drafts, whole; its space comes back with the next sweep().
  Status discard(Ino directory, std::string_view name);
  // Adds to `batch` what takes such a file out of the drafts; file_retired() gives its space back once that is
  // committed.
  Status retire_file(Ino directory, std::string_view name, Ino ino, Batch& batch);
  void file_retired(Ino ino);
  // Removes the inodes and host files of everything retired so far. Runs at idle times; Ok when nothing is left.
  // Interrupted: the end came first, and the next open() goes on.
  Status sweep();
  // How long commits that are under way may go on after prepare_to_end(). What is left of the 10 s within which a
  // daemon ends is for undoing them, and for closing the store.
  static constexpr std::chrono::seconds kEndPatience{7};
  // Hashes that nobody waits for and sweeps end at their next step from now on: what they have done is kept or done
  // again by the next process. Commits go on for `patience`.
  void prepare_to_end(std::chrono::steady_clock::duration patience);
  // Ok; or Busy, once that time is over: a commit that takes longer fails, and its draft stays.
  Status check_not_over() const override;

  // NoSpace: `more_bytes` would reach into the reserve.
  Status check_space(std::uint64_t more_bytes) const override;

  // Digests that drafts refer to: gc keeps them.
  Status for_each_blob(const std::function<void(const Digest&)>& visit) const;
  // Small blobs, with their sizes, that drafts have borrowed and nobody may need any more, because the draft was
  // removed or changed. Nothing below kGcCandidateBytesMax and kGcCandidatesMax; more than the latter only gc() finds.
  std::unordered_map<Digest, std::uint64_t, DigestHash> take_gc_candidates() EXCLUDES(names_mutex_);
  // Removes host files that no draft inode knows. Returns how many.
  Result<std::uint64_t> remove_orphans();

 private:
  friend class DraftHandle;
  friend class FrozenDraft;
  friend class SealedFile;
  DraftStore(int dir, KeyValueStore& keys, BlobStore& blobs, InoAllocator& inos, BlobPins& pins,
             const Options& options);

  // Of DraftFile.
  Status forget_hash(Ino ino) override;
  Status remember_hash(Ino ino, const DraftHash& hash) override;
  bool is_removed(Ino ino) const override;
  bool is_ending() const override { return ending_; }
  // The first write to a fresh file, of few bytes: they become a blob in the catalog, which the file borrows, so that a
  // commit finds them stored and hashed. Nothing: that cannot be done; write them to the host file.
  std::optional<Status> write_small(DraftHandle& handle, ByteView bytes) EXCLUDES(names_mutex_);
  // Commits `batch`, and that the bytes of `ino` are those of `blob`.
  Status remember_blob(Ino ino, const DraftRecord::BlobBytes& blob, Batch batch) REQUIRES(names_mutex_);
  // New files borrow the empty blob: it is there, and stays.
  Status keep_empty_blob();
  // Its bytes are those of its host file from now on, which gets its times.
  Status forget_blob(Ino ino, int host) override EXCLUDES(names_mutex_);

  Result<DraftRecord> record(Ino ino) const;
  Result<DraftInode> present(Ino ino, DraftRecord record) const;
  Result<DraftEntry> entry(Ino directory, std::string_view name) const;
  Status check_unfrozen(std::initializer_list<Ino> inos) const REQUIRES(names_mutex_);
  Status check_parent(Ino directory) const;
  bool is_empty(Ino directory) const;
  // Moves mtime and ctime of `directory`, and counts subdirectories.
  void touch_directory(Ino directory, int subdirectories, Batch& batch) const;
  // Takes one name from `ino`. What loses its last name goes, or becomes nameless while it is open. `gone`: host files
  // to remove.
  void drop_name(Ino ino, DraftRecord dropped, Batch& batch, std::vector<Ino>& gone) REQUIRES(names_mutex_);
  void remove_host_files(const std::vector<Ino>& gone) const;
  // A draft borrows `record`'s bytes no more.
  void note_gc_candidate(const DraftRecord& record) REQUIRES(names_mutex_);
  Status check_no_cycle(Ino moved, Ino new_directory) const;
  Status commit(const Batch& batch, SpaceNeed need) const;

  Result<File> create_host(Ino ino) const;
  // A new host file in place of any other.
  Result<File> replace_host(Ino ino) const override;
  Result<File> open_host(Ino ino, bool writes) const;
  // Gives a host file that is also a blob's (its commit failed after the link, or a crash came) bytes of its own.
  Status unshare(Ino ino) const REQUIRES(names_mutex_);
  Result<std::string> read_bytes(Ino ino, std::size_t max_bytes) EXCLUDES(names_mutex_);
  // The shared state of an open file, made where there is none that fits. What may be written is never a blob's file.
  Result<std::shared_ptr<DraftFile>> file_of(Ino ino, bool writes) REQUIRES(names_mutex_);
  void add_borrower(const std::shared_ptr<DraftFile>& file) REQUIRES(opens_mutex_);
  void release(DraftHandle& handle);
  bool has_open_writer(Ino ino) const REQUIRES(opens_mutex_);
  Status collect(FrozenDraft& draft) REQUIRES(names_mutex_);
  Status wait_for_release(Ino ino, const std::string& name, std::chrono::steady_clock::time_point deadline)
      EXCLUDES(opens_mutex_);
  Status measure(FrozenDraft& draft);
  void unfreeze(const FrozenDraft& draft) EXCLUDES(names_mutex_);
  // Of an earlier process.
  Status find_unswept();
  Status sweep_root(Ino root);
  void finalize_behind(const std::shared_ptr<DraftFile>& file) EXCLUDES(opens_mutex_);
  // After a reboot: hashes of before may be of bytes that were lost. Until it has succeeded no stored hash is believed.
  Status forget_sums_once() EXCLUDES(sums_mutex_);
  Status forget_after_reboot();
  // NotFound: none is stored, or none that can be believed.
  Result<std::string> stored_sum(Ino ino) const;
  Status remove_nameless();

  const int dir_;
  KeyValueStore& keys_;
  BlobStore& blobs_;
  InoAllocator& inos_;
  BlobPins& pins_;
  const Options options_;
  DraftRecord::BlobBytes empty_blob_;
  std::unique_ptr<BlobPins::Pin> empty_pin_;

  Mutex sums_mutex_;                         // held across the commit that forgets
  std::atomic<bool> are_sums_stale_ = true;  // cleared with sums_mutex_
  mutable Mutex names_mutex_;  // held across Buffered commits, never across reading or writing a file's bytes
  std::unordered_set<std::uint64_t> frozen_ GUARDED_BY(names_mutex_);
  std::unordered_set<std::uint64_t> dead_ GUARDED_BY(names_mutex_);  // published, not swept yet
  // Why kept beside the keys: a scan for them would pass by all that were swept lately.
  std::vector<Ino> to_sweep_ GUARDED_BY(names_mutex_);
  std::unordered_map<Digest, std::uint64_t, DigestHash> gc_candidates_ GUARDED_BY(names_mutex_);
  std::uint64_t gc_candidate_bytes_ GUARDED_BY(names_mutex_) = 0;
  mutable Mutex opens_mutex_;
  Condition released_;
  struct Opened {
    std::weak_ptr<DraftFile> file;
    std::vector<DraftHandle*> handles;
  };
  std::unordered_map<std::uint64_t, Opened> opens_ GUARDED_BY(opens_mutex_);
  // Files that have borrowed or are hashed behind, while anybody has them, also without a handle: one for each, or two
  // would get bytes of their own, or be hashed each by itself.
  std::unordered_map<std::uint64_t, std::weak_ptr<DraftFile>> borrowers_ GUARDED_BY(opens_mutex_);
  std::size_t borrowers_swept_at_ GUARDED_BY(opens_mutex_) = 64;
  std::atomic<bool> ending_ = false;
  std::atomic<std::chrono::steady_clock::rep> over_at_{};  // valid when ending_ is set
  Mutex sweep_mutex_;                                      // one sweep at a time; taken before names_mutex_
  ThreadPool workers_{"sum", 2};                           // last: its work uses all of the above
};

}  // namespace modelfs
