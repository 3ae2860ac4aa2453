// An archive that is being unpacked: into a draft of its own, when it is complete or while it is still being written.
#pragma once
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "archive/read/read_archive.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "drafts/draft_store.h"
#include "drafts/write_listener.h"
#include "registry/access.h"

namespace modelfs {

// A draft directory that nobody sees, and that goes when it was not published.
class UnpackingDirectory {
 public:
  static Result<std::unique_ptr<UnpackingDirectory>> make(DraftStore& drafts, Ino place, std::string name,
                                                          const Credentials& who);
  ~UnpackingDirectory();
  UnpackingDirectory(const UnpackingDirectory&) = delete;
  UnpackingDirectory& operator=(const UnpackingDirectory&) = delete;

  Ino root() const { return root_; }
  const std::string& name() const { return name_; }
  void published() { root_ = kNoIno; }

 private:
  UnpackingDirectory(DraftStore& drafts, Ino place, std::string name)
      : drafts_(drafts), place_(place), name_(std::move(name)) {}

  DraftStore& drafts_;
  const Ino place_;
  const std::string name_;
  Ino root_ = kNoIno;
};

// What unpacking needs beside the archive's bytes.
struct UnpackingPlan {
  Ino place = kNoIno;  // the directory in which drafts are unpacked
  std::string name;    // in it; not used before
  ArchiveFormat format = ArchiveFormat::Tar;
  Credentials who;
};

// Threads and limits of all unpacking of a registry.
struct UnpackingMeans {
  DraftStore& drafts;
  ThreadPool& closers;
  const ArchiveLimits& limits;
};

// Unpacks all of `source`. What it fails with leaves nothing.
Result<std::unique_ptr<UnpackingDirectory>> unpack(const UnpackingMeans& means, const UnpackingPlan& plan,
                                                   ArchiveSource& source);

// Unpacks a draft file behind its writer, as long as that writes in order. Begins once a few bytes are there, so a
// small archive costs no thread. Whatever spoils it costs nothing but the work: finish() says so, and the archive is
// then unpacked as it lies on the disk. Destroying it gives up.
class UnpackingBehind {
 public:
  static constexpr std::uint64_t kBeginBytes = 256ull << 10;
  // A writer that has written so many waits a moment until the first of them are judged. Why: some programs look at
  // nothing but their writes, and a compressor makes the last of them soon.
  static constexpr std::uint64_t kAwaitedBytes = 512ull << 10;

  // Null where the file cannot be followed: it is not open, or was not written in order so far. `runners`: gives each
  // of them one thread for as long as its writer takes; those for which no thread is free are unpacked later.
  static std::unique_ptr<UnpackingBehind> follow(const UnpackingMeans& means, ThreadPool& runners, Ino file,
                                                 UnpackingPlan plan);
  ~UnpackingBehind();
  UnpackingBehind(const UnpackingBehind&) = delete;
  UnpackingBehind& operator=(const UnpackingBehind&) = delete;

  // Waits until all that is there was judged. What nothing that is written behind it can cure, as whoever writes on
  // hears it too; Ok as long as there is no such thing.
  Status judge_so_far();
  // Called when the file has its last byte and nothing can change it any more. Waits for the rest. What unpack() would
  // have answered; empty: unpack it now. May be called once.
  std::optional<Result<std::unique_ptr<UnpackingDirectory>>> finish(std::uint64_t size_bytes);

 private:
  class Work;
  explicit UnpackingBehind(std::shared_ptr<Work> work) : work_(std::move(work)) {}
  const std::shared_ptr<Work> work_;
};

}  // namespace modelfs
