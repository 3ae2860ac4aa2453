// What an archive holds, made as drafts.
#pragma once
#include <memory>
#include <unordered_map>
#include <vector>

#include "archive/read/read_archive.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "drafts/draft_store.h"
#include "registry/access.h"

namespace modelfs {

inline constexpr std::uint32_t kUnnamedDirectoryMode = 0755;  // of directories that no member names

// Files that are written and are hashed and synced by other threads, so that the disk works while the next ones are
// unpacked. Used by one thread.
class ClosingFiles {
 public:
  // How many may be under way: each costs a descriptor.
  static constexpr unsigned kMax = 32;

  explicit ClosingFiles(ThreadPool& threads) : threads_(threads) {}
  ~ClosingFiles() { (void)finish(); }
  ClosingFiles(const ClosingFiles&) = delete;
  ClosingFiles& operator=(const ClosingFiles&) = delete;

  // Closes it; waits only while too many are under way. What any file so far failed with.
  Status close(std::unique_ptr<DraftHandle> file) EXCLUDES(mutex_);
  // Waits for all of them.
  Status finish() EXCLUDES(mutex_);

 private:
  ThreadPool& threads_;
  Mutex mutex_;  // leaf lock
  Condition closed_;
  unsigned under_way_ GUARDED_BY(mutex_) = 0;
  Status failed_ GUARDED_BY(mutex_);
};

// Makes each member as a draft below `root`, owned by `who`. Times and modes of directories are set at the end, when
// nothing is made in them any more. Used by one thread.
class DraftSink : public ArchiveSink {
 public:
  DraftSink(DraftStore& drafts, Ino root, const Credentials& who, ThreadPool& closers)
      : drafts_(drafts), who_(who), closing_(closers) {
    inos_.push_back(root);
  }

  Status begin(const ArchiveMember& member) override;
  Status write(std::uint64_t offset_bytes, ByteView bytes) override;
  Status end(std::uint64_t size_bytes) override;
  Status describe(const ArchiveMember& directory) override;
  // After the last member: all files are hashed and synced when this returns Ok.
  Status finish();

 private:
  Status add(std::uint32_t number, Ino ino);
  Status set_attributes(Ino ino, const ArchiveMember& member);
  Status set_time(Ino ino, TimeNs mtime);

  DraftStore& drafts_;
  const Credentials who_;
  std::vector<Ino> inos_;  // by number
  std::unordered_map<std::uint32_t, TimeNs> directory_times_;
  ClosingFiles closing_;
  std::unique_ptr<DraftHandle> handle_;
  TimeNs mtime_{};
  std::uint64_t written_ = 0;
};

}  // namespace modelfs
