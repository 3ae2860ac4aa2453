// A request from the kernel, as an object that must be answered.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>
#include <linux/fuse.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "base/thread_pool.h"
#include "base/types.h"
#include "mount/mount_context.h"
#include "mount/request_metrics.h"
#include "vfs/file_system.h"

namespace modelfs {

// One pending request: answered exactly once, by one of the reply functions, which consume it. Dropping it answers EIO
// and logs that. Used by one thread at a time; hold no lock when replying, because the reply may let the kernel send
// FORGET or RELEASE for the same node on another thread.
//
// A reply that does not arrive (the caller was killed meanwhile, or the mount is gone) is undone where it handed
// something out: the kernel counts neither a look-up nor an open file whose reply it did not get.
class Request {
 public:
  // `kind` and `node` name it in metrics and messages.
  Request(fuse_req_t raw, fuse_opcode kind, fuse_ino_t node)
      : raw_(raw), counts_(&served().counts), kind_(kind), node_(node) {}
  Request(Request&& other) noexcept
      : raw_(std::exchange(other.raw_, nullptr)),
        counts_(std::exchange(other.counts_, nullptr)),
        begun_(other.begun_),
        error_(other.error_),
        kind_(other.kind_),
        node_(other.node_) {}
  Request& operator=(Request&&) = delete;
  ~Request();

  FileSystem& files() const { return served().files; }
  ThreadPool& slow() const { return served().slow; }
  // The caller's credentials, without supplementary groups.
  Credentials caller() const;
  // With them: reads /proc, so only for what may commit.
  Credentials caller_with_groups() const;
  fuse_opcode kind() const { return kind_; }

  void reply(const Status& status) &&;
  void reply(const Result<Entry>& found) &&;
  void reply(const Result<Attributes>& attributes) &&;
  void reply(const Result<Opened>& opened) &&;
  void reply(const Result<FileSystem::Created>& created) &&;
  void reply(const Result<SpaceFigures>& space) &&;
  void reply(const Result<OpenedDirectory>& opened) &&;
  void reply_bytes(ByteView bytes) &&;
  // `lent` stands in place of parts of `bytes`. A part that the disk fails to deliver meanwhile is EIO.
  void reply_bytes(ByteView bytes, const MappedSpans& lent) &&;
  void reply_written(const Result<std::size_t>& size_bytes) &&;
  void reply_offset(const Result<std::uint64_t>& offset_bytes) &&;
  void reply_target(const Result<std::string>& target) &&;
  // Of GETXATTR and LISTXATTR: the value, or, when the caller's buffer has `room_bytes` 0, its size. ERANGE if it does
  // not fit.
  void reply_attribute(const Result<std::string>& value, std::size_t room_bytes) &&;
  // Of FORGET, which has no answer.
  void reply_nothing() &&;

 private:
  fuse_req_t take() { return std::exchange(raw_, nullptr); }
  const MountContext& served() const { return *static_cast<const MountContext*>(fuse_req_userdata(raw_)); }
  void refuse(const Status& status);
  void refuse(int error);

  fuse_req_t raw_;
  RequestMetrics* counts_;  // until it was moved from
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  int error_ = 0;
  fuse_opcode kind_;
  fuse_ino_t node_;
};

}  // namespace modelfs
