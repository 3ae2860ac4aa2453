// One mount and the threads that answer it, from mount to unmount.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "mount/adaptive_polling.h"
#include "mount/end_signals.h"
#include "mount/kernel_cache.h"
#include "mount/request.h"

namespace modelfs {

// Threads: those that answer requests, "fuse-0" …; everything else here belongs to the thread that made it.
//
// Why not fuse_session_loop_mt(): it cancels its threads at the end, perhaps in the middle of a commit, and the
// sanitizers cannot follow it.
class Session {
 public:
  // How long requests that follow a signal's unmount are still answered: those of processes that have files open.
  static constexpr int kGraceMs = 1000;

  struct Options {
    std::string mount_point;  // canonical
    std::string source;       // what the mount table calls it: the store's path
    bool read_only = false;
    bool allow_other = false;
    bool debug = false;                        // every request to the log
    std::chrono::microseconds poll_window{0};  // of AdaptivePolling; no polling with a single processor
  };

  // Mounts; requests wait until start(). `served` and `notifier` outlive the session; the notifier is connected to it.
  // The message of a failure contains libfuse's reason.
  static Result<std::unique_ptr<Session>> mount(const Options& options, MountContext& served,
                                                KernelCacheNotifier& notifier);
  // Closes the connection: what the kernel still waits for fails. Call it when no request is being answered.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Begins to answer requests. When it returns, the connection has been negotiated (INIT).
  Status start();
  // Returns when the mount was unmounted, or a signal arrived and the mount was detached, so that no new user can
  // enter. Requests are still answered.
  void wait_for_end(const EndSignals& signals);
  // Stops answering. When it returns no thread of the session is left; requests given to the slow pool may still be in
  // progress, and are answered. Not while a thread that this one waits for tells the kernel to forget a name: that
  // waits for requests.
  void stop();

 private:
  struct Worker {
    unsigned number = 0;
    std::atomic<bool> waits = false;  // for a request, or is about to
    std::thread thread;
  };

  Session(std::string mount_point, MountContext& served, KernelCacheNotifier& notifier);
  Status open(const Options& options);
  bool is_request_there() const;
  // Makes workers that wait for a request check whether they are to stop.
  void wake_workers();
  int receive(Worker& worker, fuse_buf& buffer);
  void answer_requests(Worker& worker);
  void note_first_answer() EXCLUDES(mutex_);
  void wait_for_first_answer() EXCLUDES(mutex_);
  void detach();
  void remove_dead_mount();
  // False when `limit_ms` passed before all workers were gone.
  bool wait_for_workers(int limit_ms) EXCLUDES(mutex_);

  const std::string mount_point_;
  MountContext& served_;
  KernelCacheNotifier& notifier_;
  std::string device_;  // of the mounted file system, as in Mount
  fuse_session* session_ = nullptr;
  std::atomic<bool> is_initialized_ = false;
  File ended_;  // eventfd: readable when a worker has met the end of the connection
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<bool> are_all_started_ = false;  // nothing is added to workers_ any more
  std::optional<AdaptivePolling> polling_;     // since open()
  Mutex mutex_;                                // leaf lock
  Condition changed_;                          // a worker has ended, or INIT was answered
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool is_agreed_ GUARDED_BY(mutex_) = false;  // INIT was answered
};

}  // namespace modelfs
