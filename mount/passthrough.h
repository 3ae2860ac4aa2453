// Reads of published files by the kernel itself ("passthrough"): negotiated at INIT, set up for each file at OPEN. Also
// negotiates that files which are written directly can be mapped, which libfuse before 3.16 cannot.
//
// All facts about the kernel here are of its include/uapi/linux/fuse.h and fs/fuse/{inode,passthrough,iomode}.c,
// Linux 6.9 and later.
#pragma once
#define FUSE_USE_VERSION 312
#include <fuse3/fuse_lowlevel.h>

#include <atomic>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "vfs/file_system.h"
#include "vfs/kernel_reads.h"

namespace modelfs {

// Safe for concurrent use. Unusable until the kernel has agreed to it, and again when it is disconnected: then the
// kernel releases the backing files itself.
class Passthrough final : public KernelReads {
 public:
  // `is_wanted`: false if the daemon is to serve every byte (-o no_passthrough).
  explicit Passthrough(bool is_wanted) : is_wanted_(is_wanted) {}

  // `session` is mounted and was asked nothing yet; its userdata is a MountContext that has this.
  // Unsupported, Internal: libfuse refused; the mount works without.
  Status connect(fuse_session* session);
  void disconnect() { device_ = -1; }
  // Part of the answer to INIT, where libfuse knows of passthrough (3.17). Older ones do not: there the hooks that
  // connect() gives them put it into the answer.
  void negotiate(fuse_conn_info& connection);
  // Registers a file of the store as a trial, so that mode() is known before the first read. After INIT was answered.
  void probe(int store_dir);

  Backing register_backing(int descriptor) override EXCLUDES(mutex_);
  void unregister_backing(Backing backing) override;
  ReadMode mode() const override EXCLUDES(mutex_);
  bool maps_direct_files() const override { return maps_direct_files_; }
  // Whether the mount options forbid it, so that its absence needs no warning.
  bool is_wanted() const { return is_wanted_; }

 private:
  static ssize_t receive(int device, void* buffer, std::size_t room_bytes, void* userdata);
  static ssize_t send(int device, iovec* parts, int count, void* userdata);
  void look_at_request(const void* buffer, std::size_t size_bytes);
  void look_at_reply(iovec* parts, int count);
  void stop_lending(std::string reason) EXCLUDES(mutex_);

  const bool is_wanted_;
  std::atomic<int> device_ = -1;          // of the connection
  std::atomic<bool> is_offered_ = false;  // by the kernel
  std::atomic<bool> is_usable_ = false;   // registering has not been refused for good
  std::atomic<bool> maps_direct_files_ = false;
  std::atomic<std::uint64_t> init_unique_ = 0;  // the number of INIT while it is not answered
  std::atomic<bool> is_init_over_ = false;
  std::atomic<int> last_error_ = 0;         // of registering one file: logged once in a row
  mutable Mutex mutex_;                     // leaf lock
  std::string refusal_ GUARDED_BY(mutex_);  // why registering has ended
};

// The answer to OPEN of a file that the kernel reads by itself. As fuse_reply_open(): not 0 when it did not arrive.
int reply_lent(fuse_req_t request, const Opened& opened);

}  // namespace modelfs
