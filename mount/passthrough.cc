#include "mount/passthrough.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "base/file.h"
#include "base/log.h"
#include "mount/mount_context.h"

namespace modelfs {
namespace {

// Debian 12's linux/fuse.h is older than these.
constexpr std::uint64_t kInitDirectMmap = 1ull << 36;   // FUSE_DIRECT_IO_ALLOW_MMAP, Linux 6.6
constexpr std::uint64_t kInitPassthrough = 1ull << 37;  // FUSE_PASSTHROUGH
constexpr std::uint32_t kOpenNoFlush = 1u << 5;         // FOPEN_NOFLUSH
constexpr std::uint32_t kOpenPassthrough = 1u << 7;     // FOPEN_PASSTHROUGH
// File systems between ours and the disk, ours included. 1: the store lies on a plain file system, and something else,
// such as overlayfs, may lie over the mount; the kernel's limit is 2.
constexpr std::uint32_t kStackDepth = 1;

struct BackingMap {  // fuse_backing_map
  std::int32_t descriptor;
  std::uint32_t flags;
  std::uint64_t padding;
};
static_assert(sizeof(BackingMap) == 16);
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap);      // FUSE_DEV_IOC_BACKING_OPEN
constexpr unsigned long kBackingClose = _IOW(229, 2, std::uint32_t);  // FUSE_DEV_IOC_BACKING_CLOSE

struct OpenReply {  // fuse_open_out
  std::uint64_t handle;
  std::uint32_t flags;
  std::int32_t backing;  // once padding
};
static_assert(sizeof(OpenReply) == sizeof(fuse_open_out));

std::string kernel_release() {
  utsname names{};
  return ::uname(&names) == 0 ? names.release : "?";
}

// Why a backing file could not be registered, and what to do.
std::string reason_of(int error) {
  switch (error) {
    case EPERM:
      return "the daemon needs CAP_SYS_ADMIN of the machine, not of a container; "
             "mount as root, with -o allow_other for other users";
    case ELOOP:
      return "the store lies on a file system that is itself stacked, such as overlayfs; put it on ext4, xfs or tmpfs";
    default: return std::string("the kernel refused a file: ") + std::strerror(error);
  }
}

#if FUSE_VERSION < FUSE_MAKE_VERSION(3, 17)
constexpr std::size_t kStackDepthOffset = 36;  // of max_stack_depth in fuse_init_out
static_assert(offsetof(fuse_init_out, flags2) + sizeof(std::uint32_t) == kStackDepthOffset);

// Puts flags that libfuse does not know into the answer to INIT that it has made.
bool amend(const iovec& answer, std::uint64_t flags) {
  if (answer.iov_len < kStackDepthOffset + sizeof kStackDepth) return false;
  auto* const bytes = static_cast<char*>(answer.iov_base);
  const auto add = [bytes](std::size_t offset, std::uint32_t bits) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes + offset, sizeof value);
    value |= bits;
    std::memcpy(bytes + offset, &value, sizeof value);
  };
  add(offsetof(fuse_init_out, flags), FUSE_INIT_EXT);
  add(offsetof(fuse_init_out, flags2), static_cast<std::uint32_t>(flags >> 32));
  if ((flags & kInitPassthrough) != 0) std::memcpy(bytes + kStackDepthOffset, &kStackDepth, sizeof kStackDepth);
  return true;
}
#endif

}  // namespace

#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)

// Not compiled on Debian 12, whose libfuse is 3.14. Tried with 3.17.2 by hand: its headers must come before Debian's,
// or reads of /dev/fuse get EBADF. Its max_backing_stack_depth of 0 is the kernel's kStackDepth of 1.
Status Passthrough::connect(fuse_session* session) {
  device_ = fuse_session_fd(session);
  return {};
}

void Passthrough::negotiate(fuse_conn_info& connection) {
  maps_direct_files_ = (connection.capable_ext & FUSE_CAP_DIRECT_IO_ALLOW_MMAP) != 0;
  if (maps_direct_files_) connection.want_ext |= FUSE_CAP_DIRECT_IO_ALLOW_MMAP;
  is_offered_ = (connection.capable_ext & FUSE_CAP_PASSTHROUGH) != 0;
  if (!is_wanted_ || !is_offered_) return;
  connection.want_ext |= FUSE_CAP_PASSTHROUGH;
  connection.max_backing_stack_depth = kStackDepth - 1;
  is_usable_ = true;
}

#else

Status Passthrough::connect(fuse_session* session) {
  device_ = fuse_session_fd(session);
  fuse_custom_io hooks{};
  hooks.read = receive;
  hooks.writev = send;
  // It is the descriptor that the session has already, so nothing else changes.
  const int error = fuse_session_custom_io(session, &hooks, device_);
  if (error == 0) return {};
  stop_lending("libfuse cannot negotiate it");
  return {Code::Internal, "fuse_session_custom_io: " + std::to_string(error)};
}

void Passthrough::negotiate(fuse_conn_info&) {}

ssize_t Passthrough::receive(int device, void* buffer, std::size_t room_bytes, void* userdata) {
  const ssize_t got = ::read(device, buffer, room_bytes);
  Passthrough& self = static_cast<const MountContext*>(userdata)->passthrough;
  if (got > 0 && !self.is_init_over_) self.look_at_request(buffer, static_cast<std::size_t>(got));
  return got;
}

ssize_t Passthrough::send(int device, iovec* parts, int count, void* userdata) {
  Passthrough& self = static_cast<const MountContext*>(userdata)->passthrough;
  if (!self.is_init_over_) self.look_at_reply(parts, count);
  return ::writev(device, parts, count);
}

void Passthrough::look_at_request(const void* buffer, std::size_t size_bytes) {
  fuse_in_header header{};
  fuse_init_in init{};
  if (size_bytes < sizeof header) return;
  std::memcpy(&header, buffer, sizeof header);
  if (header.opcode != FUSE_INIT) return;
  init_unique_ = header.unique;
  // Kernels before 5.17 send a shorter one, and offer less.
  std::memcpy(&init, static_cast<const char*>(buffer) + sizeof header,
              std::min(sizeof init, size_bytes - sizeof header));
  std::uint64_t offered = init.flags;
  if ((init.flags & FUSE_INIT_EXT) != 0) offered |= std::uint64_t{init.flags2} << 32;
  is_offered_ = (offered & kInitPassthrough) != 0;
  maps_direct_files_ = (offered & kInitDirectMmap) != 0;
}

void Passthrough::look_at_reply(iovec* parts, int count) {
  fuse_out_header header{};
  if (count < 1 || parts[0].iov_len < sizeof header) return;
  std::memcpy(&header, parts[0].iov_base, sizeof header);
  if (header.unique != init_unique_) return;
  is_init_over_ = true;
  const bool lends = is_wanted_ && is_offered_;
  const std::uint64_t agreed = (lends ? kInitPassthrough : 0) | (maps_direct_files_ ? kInitDirectMmap : 0);
  const bool is_agreed = header.error == 0 && count > 1 && agreed != 0 && amend(parts[1], agreed);
  // Usable before the kernel has the answer: the first OPEN may follow at once.
  is_usable_ = lends && is_agreed;
  if (!is_agreed) maps_direct_files_ = false;
}

#endif

void Passthrough::stop_lending(std::string reason) {
  const MutexLock lock(mutex_);
  is_usable_ = false;
  refusal_ = std::move(reason);
}

void Passthrough::probe(int store_dir) {
  if (!is_usable_) return;
  const auto file = open_at(store_dir, "FORMAT", O_RDONLY);
  if (!file.ok()) return;  // the first reader's file tells
  BackingMap map{.descriptor = file->fd(), .flags = 0, .padding = 0};
  const int id = ::ioctl(device_, kBackingOpen, &map);
  if (id <= 0) return stop_lending(reason_of(errno));
  unregister_backing(Backing{id});
}

Backing Passthrough::register_backing(int descriptor) {
  const int device = device_;
  if (!is_usable_ || device < 0) return kNoBacking;
  BackingMap map{.descriptor = descriptor, .flags = 0, .padding = 0};
  const int id = ::ioctl(device, kBackingOpen, &map);
  if (id > 0) return Backing{id};
  const int error = errno;
  if (last_error_.exchange(error) != error)
    log::warn("the daemon serves a file that the kernel could have read: {}", reason_of(error));
  if (error == EPERM) stop_lending(reason_of(error));  // nothing will change that
  return kNoBacking;
}

void Passthrough::unregister_backing(Backing backing) {
  const int device = device_;
  std::uint32_t id = static_cast<std::uint32_t>(backing);
  if (device < 0 || ::ioctl(device, kBackingClose, &id) == 0) return;
  // ENOENT of an aborted connection: the kernel has released it already.
  if (errno != ENOENT) log::debug("unregistering a backing file: {}", std::strerror(errno));
}

ReadMode Passthrough::mode() const {
  if (is_usable_) return {.by_kernel = true, .reason = ""};
  if (!is_wanted_) return {.by_kernel = false, .reason = "the mount was asked for no_passthrough"};
  {
    const MutexLock lock(mutex_);
    if (!refusal_.empty()) return {.by_kernel = false, .reason = refusal_};
  }
  if (is_offered_) return {.by_kernel = false, .reason = "the kernel declined it"};
  return {.by_kernel = false,
          .reason = "this kernel, " + kernel_release() +
                    ", does not offer it; Linux 6.9 or newer with FUSE_PASSTHROUGH does"};
}

int reply_lent(fuse_req_t request, const Opened& opened) {
  // Why by hand: fuse_reply_open() of libfuse before 3.17 knows of no backing. Nothing else goes with it: with
  // KEEP_CACHE the kernel answers EIO.
  OpenReply reply{
      .handle = raw(opened.handle), .flags = kOpenPassthrough, .backing = static_cast<std::int32_t>(opened.backing)};
  if (!opened.flushes) reply.flags |= kOpenNoFlush;
  return fuse_reply_buf(request, reinterpret_cast<const char*>(&reply), sizeof reply);
}

}  // namespace modelfs
