#include "engine/shared_dir/shared_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>
#include <sstream>
#include <system_error>
#include <vector>

#include "base/time.h"
#include "os/host.h"
#include "os/mountinfo.h"

namespace modelfs {
namespace {

constexpr mode_t kReadable = 0444;
// Others may make or remove the directories of a name at the same time.
constexpr int kTries = 8;

// Whether a request that ended so may have been carried out, or may yet be.
bool is_lost(int error) {
  switch (error) {
    case EIO:
    case EREMOTEIO:
    case EINTR:
    case ESTALE:
    case ETIMEDOUT:
    case ENOTCONN:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case ESHUTDOWN: return true;
    default: return false;
  }
}

// This host, this process, and by chance: nobody else has it.
std::string temporary_name() {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string host = host_name().substr(0, 64);
  std::replace(host.begin(), host.end(), '/', '_');
  std::random_device random;
  std::string nonce(16, '0');
  for (char& digit : nonce) digit = kDigits[random() % kDigits.size()];
  return std::string(SharedDirectory::kTemporaries) + "/" + host + "." + std::to_string(::getpid()) + "." + nonce;
}

std::string parent_of(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string::npos ? "." : name.substr(0, slash);
}

bool is_directory(int root, const std::string& name) {
  struct stat info {};
  return ::fstatat(root, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

Status shared_failure(int error, const std::string& what) {
  const Status status = Status::from_errno(error, what);
  // EIO may be a disk's.
  if (!is_lost(error) || error == EIO || error == EREMOTEIO || error == EINTR) return status;
  return {Code::Unavailable, status.message()};
}

Status check_nfs_options(const std::string& path, const std::string& options) {
  std::istringstream all(options);
  for (std::string option; std::getline(all, option, ',');) {
    if (option == "noac" || option == "lookupcache=none" || option.starts_with("lookupcache=pos")) return {};
  }
  return {Code::Unsupported, path +
                                 " lies on a mount of NFS that remembers which names are absent, so what other hosts "
                                 "publish is seen late. Mount it with -o lookupcache=positive"};
}

SharedDirectory::Temporary::~Temporary() {
  // Where that fails it is swept when it is old.
  if (file_.valid()) (void)::unlinkat(directory_->fd(), name_.c_str(), 0);
}

Result<SharedDirectory> SharedDirectory::open(const std::string& path) {
  SharedDirectory directory;
  directory.path_ = path;
  // "/." follows a symlink.
  auto root = open_at(AT_FDCWD, path + "/.", O_RDONLY | O_DIRECTORY);
  if (root.code() == Code::NotFound) {
    return Status(Code::NotFound, "no directory " + path + ": mount what the hosts share, or make it with mkdir");
  }
  if (root.code() == Code::NotADirectory) {
    return Status(Code::NotADirectory, path + " is not a directory: name one that all hosts mount");
  }
  if (!root.ok()) return root.status();
  directory.root_ = *std::move(root);
  if (Status status = directory.look_at_root(); !status.ok()) return status;
  // Who may only read goes on without.
  if (Status status = directory.make_directory(kTemporaries); status.ok()) directory.sweep();
  return directory;
}

Status SharedDirectory::look_at_root() {
  struct stat info {};
  if (::fstat(fd(), &info) != 0) return shared_failure(errno, "stat " + path_);
  mode_ = info.st_mode & 07777;
  std::error_code error;
  const auto real = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd()), error);
  const auto mounts = read_mounts();
  if (error || !mounts.ok()) return {};
  const Mount* mount = mount_of(*mounts, real.native());
  if (mount == nullptr) return {};
  type_ = mount->type;
  return type_ == "nfs" || type_ == "nfs4" ? check_nfs_options(path_, mount->options) : Status();
}

Result<SharedDirectory::Temporary> SharedDirectory::make_temporary() const {
  int error = 0;
  for (int i = 0; i < kTries; ++i) {
    std::string name = temporary_name();
    File file(::openat(fd(), name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file.valid()) {
      Temporary temporary(*this, std::move(name), std::move(file));
      if (::fchmod(temporary.fd(), 0400 | (mode_ & kReadable)) != 0) break;
      return temporary;
    }
    error = errno;
    if (error == ENOENT) {
      if (Status status = make_directory(kTemporaries); !status.ok()) return status;
    } else if (error != EEXIST) {  // the answer to an earlier try of the kernel's may have been lost
      break;
    }
  }
  return shared_failure(error != 0 ? error : errno, "make a file in " + path_ + "/" + kTemporaries);
}

Result<SharedDirectory::Linked> SharedDirectory::link(const Temporary& temporary, const std::string& name) const {
  Result<Linked> linked = Linked::Now;
  for (int i = 0; i < kTries; ++i) {
    if (::linkat(fd(), temporary.name().c_str(), fd(), name.c_str(), 0) == 0) break;
    const int error = errno;
    if (error != ENOENT || i == kTries - 1) {
      linked = judge(temporary, name, error);
      break;
    }
    if (Status status = make_parents(name); !status.ok()) return status;
  }
  if (!linked.ok()) return linked;
  // Also what another has linked: it may have ended before it synced.
  if (Status status = sync_parent(name); !status.ok()) return Status(Code::Unsettled, status.message());
  return linked;
}

// Why the links are counted: a server that has made the link and whose answer was lost is asked again by the kernel,
// and answers that the name exists. Opened anew, because only an open asks the server for its attributes
// (close-to-open). Source: nfs(5), "Data and metadata coherence".
Result<SharedDirectory::Linked> SharedDirectory::judge(const Temporary& temporary, const std::string& name,
                                                       int error) const {
  const std::string what = "link " + path_ + "/" + name;
  const auto file = open_at(fd(), temporary.name(), O_RDONLY);
  struct stat info {};
  const bool is_known = file.ok() && ::fstat(file->fd(), &info) == 0;
  if (is_known && info.st_nlink > 1) return Linked::Now;
  if (!is_known || is_lost(error)) return Status(Code::Unsettled, Status::from_errno(error, what).message());
  switch (error) {
    case EEXIST: return Linked::Already;
    case EPERM:
    case EOPNOTSUPP:
    case ENOSYS:
      return Status(Code::Unsupported, Status::from_errno(error, what).message() +
                                           ": a registry needs a file system with hard links, such as NFS, CephFS or "
                                           "Lustre");
    default: return Status::from_errno(error, what);
  }
}

Status SharedDirectory::make_parents(const std::string& name) const {
  for (std::size_t slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    if (Status status = make_directory(name.substr(0, slash)); !status.ok()) return status;
  }
  return {};
}

// Why under a temporary name first: others would find it closed to them until it has its mode.
Status SharedDirectory::make_directory(const std::string& name) const {
  if (is_directory(fd(), name)) return {};
  const std::string what = "make the directory " + path_ + "/" + name;
  const std::string temporary = name == kTemporaries ? name : temporary_name();
  if (::mkdirat(fd(), temporary.c_str(), 0700) != 0 && errno != EEXIST) return shared_failure(errno, what);
  if (::fchmodat(fd(), temporary.c_str(), 0700 | mode_, 0) != 0 && errno != EPERM) return shared_failure(errno, what);
  if (temporary != name && ::renameat(fd(), temporary.c_str(), fd(), name.c_str()) != 0) {
    const int error = errno;
    (void)::unlinkat(fd(), temporary.c_str(), AT_REMOVEDIR);
    // Another has made it, and perhaps put something there.
    if (!is_directory(fd(), name)) return shared_failure(error, what);
  }
  return sync_parent(name);
}

Status SharedDirectory::remove(const std::string& name) const {
  if (::unlinkat(fd(), name.c_str(), 0) != 0) {
    const int error = errno;
    const bool is_absent = error == ENOENT || error == ENOTDIR || is_directory(fd(), name);
    return is_absent ? Status() : shared_failure(error, "remove " + path_ + "/" + name);
  }
  return sync_parent(name);
}

Status SharedDirectory::sync_parent(const std::string& name) const {
  const std::string parent = parent_of(name);
  const File directory(::openat(fd(), parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return shared_failure(errno, "open " + path_ + "/" + parent);
  // A read-only file system keeps what it has.
  if (::fsync(directory.fd()) == 0 || errno == EROFS || errno == EINVAL) return {};
  return shared_failure(errno, "sync " + path_ + "/" + parent);
}

Result<TimeNs> SharedDirectory::clock() const {
  const auto temporary = make_temporary();
  if (!temporary.ok()) return temporary.status();
  struct stat info {};
  if (::fstat(temporary->fd(), &info) != 0) return shared_failure(errno, "stat " + temporary->name());
  return time_of(info.st_mtim);
}

void SharedDirectory::sweep() const {
  const auto directory = open_at(fd(), kTemporaries, O_RDONLY | O_DIRECTORY);
  const auto present = clock();
  std::vector<std::string> names;
  if (!directory.ok() || !present.ok() || !list_names(directory->fd(), names).ok()) return;
  const std::int64_t oldest = raw(*present) - std::chrono::nanoseconds(kTemporaryAgeMax).count();
  for (const std::string& name : names) {
    struct stat info {};
    if (::fstatat(directory->fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (raw(time_of(info.st_mtim)) >= oldest) continue;
    (void)::unlinkat(directory->fd(), name.c_str(), S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0);
  }
}

}  // namespace modelfs
