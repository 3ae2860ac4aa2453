#include "store/store_lock.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>

#include "base/names.h"
#include "os/host.h"

namespace modelfs {
namespace {

constexpr const char* kLockName = "LOCK";
constexpr std::size_t kLockBytesMax = 4096;
// How long another process may hold the lock only to test it.
constexpr std::chrono::milliseconds kLookedAtMax{50};
constexpr std::chrono::milliseconds kPause{5};

// What an interrupted creation may have left; the last is replace_file()'s.
bool belongs_to_creation(std::string_view name) {
  return name == kLockName || name == std::string(kFormatName) + ".tmp";
}

Result<File> open_directory(const std::string& path, CreateMode mode) {
  if (mode == CreateMode::CreateIfAbsent && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Status::from_errno(errno, "create the store " + path);
  }
  // "/." follows a symlink: people do move stores to larger disks.
  auto directory = open_at(AT_FDCWD, path + "/.", O_RDONLY | O_DIRECTORY);
  if (directory.code() == Code::NotFound) return Status(Code::NotFound, "no store at " + path);
  return directory;
}

Status check_owner(int directory, const std::string& path) {
  struct stat info {};
  if (::fstat(directory, &info) != 0) return Status::from_errno(errno, "stat " + path);
  if (info.st_uid != ::geteuid()) {
    return Status(Code::Denied, path + " belongs to uid " + std::to_string(info.st_uid) + ", and this is uid " +
                                    std::to_string(::geteuid()) + ": run as its owner, or chown it");
  }
  if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Status(Code::Denied, "others may write to " + path + ": chmod go-w " + path);
  }
  return {};
}

// Ok when the directory holds nothing, or nothing but an interrupted creation.
Status check_empty(int directory, const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd/" + std::to_string(directory), error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (belongs_to_creation(entry->path().filename().native())) continue;
    return Status(Code::InvalidArgument, path + " is not a modelfs store: it has no file FORMAT, and is not empty");
  }
  if (error) return Status::from_errno(error.value(), "list " + path);
  return {};
}

// What FORMAT says. NotFound: there is none.
Result<StoreFormat> read_format(int directory, const std::string& path) {
  const auto file = open_at(directory, kFormatName, O_RDONLY);
  if (!file.ok()) return file.status();
  const auto text = read_all(file->fd(), kFormatBytesMax);
  if (!text.ok()) return text.status();
  return StoreFormat::parse(*text, path);
}

std::string utc_now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

// As the kernel calls it: "pid:[4026531836]".
std::string own_pid_namespace() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/ns/pid", error).native();
}

// The first line is for people.
std::string holder_text() {
  return "pid " + std::to_string(::getpid()) + " host " + host_name() + " since " + utc_now() + "\nin " +
         own_pid_namespace() + "\n";
}

// What a holder has written about itself.
struct Holder {
  std::string pid;  // empty: nothing
  std::string host;
  std::string since;
  std::string pid_namespace;

  // Its number means the same process to us.
  bool is_here() const {
    return host == host_name() && pid_namespace == own_pid_namespace() && !pid.empty() &&
           pid.find_first_not_of("0123456789") == std::string::npos;
  }
};

Holder read_holder(int lock) {
  const auto text = read_all(lock, kLockBytesMax);
  std::istringstream words(text.ok() ? *text : std::string());
  Holder holder;
  std::string label;
  if (!(words >> label >> holder.pid >> label >> holder.host >> label >> holder.since)) return {};
  words >> label >> holder.pid_namespace;  // daemons before this had none
  return holder;
}

// Of a process of this machine; empty: there is none of that number, or it cannot be seen.
std::string in_proc(const std::string& pid, const char* name) {
  const auto file = open_at(AT_FDCWD, "/proc/" + pid + "/" + name, O_RDONLY);
  const auto text = file.ok() ? read_all(file->fd(), 4096) : Result<std::string>(file.status());
  return text.ok() ? *text : "";
}

// "pid 7 (modelfs) host h since t": what the holder wrote, and its command where it runs here.
std::string describe_holder(int lock) {
  const Holder holder = read_holder(lock);
  if (holder.pid.empty()) return "another process";
  std::string command;
  if (const std::string name = holder.is_here() ? in_proc(holder.pid, "comm") : ""; !name.empty()) {
    command = " (" + printable(name.substr(0, name.find('\n'))) + ")";
  }
  return printable("pid " + holder.pid) + command + printable(" on host " + holder.host + " since " + holder.since);
}

// `how`: LOCK_EX, LOCK_SH. Busy: another process holds it for longer than a test.
Status wait_for_lock(int lock, int how, const std::string& path) {
  // Another process may be testing whether it is held (use_of).
  const auto until = std::chrono::steady_clock::now() + kLookedAtMax;
  while (::flock(lock, how | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Status::from_errno(errno, "lock " + path);
    if (std::chrono::steady_clock::now() >= until) {
      return Status(Code::Busy, path + " is in use by " + describe_holder(lock) + ": stop it first");
    }
    std::this_thread::sleep_for(kPause);
  }
  return {};
}

// For people only; the lock is the flock, which goes with the process. So nothing depends on it.
void say_who_holds(int lock) {
  const std::string text = holder_text();
  // Why written over: a full disk has no block for what was made empty before.
  const bool written = write_at(lock, 0, bytes_of(text)).ok();
  (void)!::ftruncate(lock, written ? static_cast<off_t>(text.size()) : 0);  // better no name than a wrong one
}

struct Taken {
  File lock;
  bool is_read_only = false;
};

Result<Taken> take_lock(int directory, const std::string& path) {
  auto lock = open_at(directory, kLockName, O_RDWR | O_CREAT, 0600);
  if (lock.ok()) {
    if (Status status = wait_for_lock(lock->fd(), LOCK_EX, path); !status.ok()) return status;
    say_who_holds(lock->fd());
    return Taken{*std::move(lock)};
  }
  if (lock.status().host_errno() != EROFS) return lock.status();
  lock = open_at(directory, kLockName, O_RDONLY);
  if (lock.code() == Code::NotFound) return Taken{File(), true};  // a copy without it
  if (!lock.ok()) return lock.status();
  if (Status status = wait_for_lock(lock->fd(), LOCK_SH, path); !status.ok()) return status;
  return Taken{*std::move(lock), true};
}

bool is_on_read_only_disk(int file) {
  struct statvfs info {};
  return ::fstatvfs(file, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

// Makes the store's own name durable. Where we may not read the directory above, its owner made that name, not we.
Status sync_parent(int directory, const std::string& path) {
  const auto parent = open_at(directory, "..", O_RDONLY | O_DIRECTORY);
  if (parent.code() == Code::Denied) return {};
  if (!parent.ok()) return parent.status();
  return sync_file(parent->fd(), "the directory above " + path);
}

// Written last in a creation: a directory with FORMAT is a store.
Result<StoreFormat> make_format(int directory, const std::string& path) {
  if (Status status = sync_parent(directory, path); !status.ok()) return status;
  StoreFormat format;
  format.id = make_model_id();  // any UUID4
  if (Status status = replace_file(directory, kFormatName, format.str()); !status.ok()) return status;
  return format;
}

}  // namespace

StoreUse use_of(const std::string& store_path) {
  const auto lock = open_at(AT_FDCWD, store_path + "/" + kLockName, O_RDONLY | O_NONBLOCK);
  if (!lock.ok()) return StoreUse::Unknown;
  // Released at once: take_lock() waits that long. Shared, so that many may test; but where its holders share it too,
  // only an exclusive lock conflicts with them.
  const int how = is_on_read_only_disk(lock->fd()) ? LOCK_EX : LOCK_SH;
  if (::flock(lock->fd(), how | LOCK_NB) == 0) return StoreUse::None;
  if (errno != EWOULDBLOCK) return StoreUse::Unknown;
  const Holder holder = read_holder(lock->fd());
  const std::string stat = holder.is_here() ? in_proc(holder.pid, "stat") : "";
  // "7 (name) Z …", and the name may hold anything. Source: proc(5).
  const std::size_t state = stat.rfind(") ");
  if (state == std::string::npos) return StoreUse::Held;
  switch (stat[state + 2]) {
    case 'Z':
    case 'X': return StoreUse::Killed;
    case 'T':
    case 't': return StoreUse::Stopped;
    default: return StoreUse::Live;
  }
}

pid_t process_using(const std::string& store_path) {
  const auto lock = open_at(AT_FDCWD, store_path + "/" + kLockName, O_RDONLY | O_NONBLOCK);
  if (!lock.ok()) return 0;
  if (::flock(lock->fd(), LOCK_SH | LOCK_NB) == 0) return 0;  // what it says is of an earlier one
  const Holder holder = read_holder(lock->fd());
  pid_t pid = 0;
  if (holder.is_here()) (void)std::from_chars(holder.pid.data(), holder.pid.data() + holder.pid.size(), pid);
  return pid;
}

std::string holder_of(const std::string& store_path) {
  const auto lock = open_at(AT_FDCWD, store_path + "/" + kLockName, O_RDONLY);
  const Holder holder = lock.ok() ? read_holder(lock->fd()) : Holder();
  return holder.pid.empty() ? "" : printable("pid " + holder.pid);
}

Result<StoreLock> StoreLock::acquire(const std::string& store_path, CreateMode mode) {
  auto directory = open_directory(store_path, mode);
  if (!directory.ok()) return directory.status();
  if (Status status = check_owner(directory->fd(), store_path); !status.ok()) return status;

  // All checks precede the first write: a directory that is not ours stays as it is.
  const auto before = read_format(directory->fd(), store_path);
  if (!before.ok() && before.code() != Code::NotFound) return before.status();
  if (!before.ok()) {
    if (Status status = check_empty(directory->fd(), store_path); !status.ok()) return status;
    if (mode == CreateMode::OpenOnly) return Status(Code::NotFound, "no store in " + store_path + " yet");
  }
  auto lock = take_lock(directory->fd(), store_path);
  if (!lock.ok()) return lock.status();

  // Why again: another process may have created the store before we had the lock.
  auto format = read_format(directory->fd(), store_path);
  if (format.code() == Code::NotFound) format = make_format(directory->fd(), store_path);
  if (!format.ok()) return format.status();
  return StoreLock(*std::move(directory), std::move(lock->lock), lock->is_read_only, *std::move(format));
}

Status StoreLock::follow(const std::string& remote) {
  StoreFormat next = format_;
  next.follows = remote;
  if (Status status = replace_file(directory(), kFormatName, next.str()); !status.ok()) return status;
  format_ = std::move(next);
  return {};
}

Status StoreLock::begin_upgrade() {
  if (format_.upgrading_from != 0) return {};
  StoreFormat next = format_;
  next.upgrading_from = format_.version;
  next.version = kStoreVersion;
  if (Status status = replace_file(directory(), kFormatName, next.str()); !status.ok()) return status;
  format_ = std::move(next);
  return {};
}

Status StoreLock::end_upgrade() {
  StoreFormat next = format_;
  next.version = kStoreVersion;
  next.upgrading_from = 0;
  if (Status status = replace_file(directory(), kFormatName, next.str()); !status.ok()) return status;
  format_ = std::move(next);
  return {};
}

}  // namespace modelfs
