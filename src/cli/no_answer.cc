#include "cli/no_answer.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/names.h"
#include "os/mountinfo.h"
#include "os/subprocess.h"
#include "store/store_lock.h"

namespace modelfs {
namespace {

constexpr int kPatienceMs = 5000;

bool is_stopped(const Mount& mount) { return mount.is_ours() && use_of(mount.source) == StoreUse::Stopped; }

// The mount of ours that keeps `path` from being followed: the one it lies on, unless only another's daemon is stopped,
// to which a symlink on the way may lead.
Status blame(const std::string& path) {
  const auto table = read_mounts();
  if (!table.ok()) return table.status();
  const Mount* mount = mount_of(*table, path);
  if (mount != nullptr && !mount->is_ours()) mount = nullptr;
  if (mount == nullptr || use_of(mount->source) == StoreUse::Live) {
    const auto other = std::find_if(table->begin(), table->end(), is_stopped);
    if (other != table->end()) mount = &*other;
  }
  if (mount != nullptr) return no_answer(mount->mount_point, mount->source);
  return {Code::Busy, printable(path) + ": a file system on the way does not answer; see `dmesg`, and try again"};
}

// Judged by its name only. The kernel answers from its cache for a short time after the daemon has stopped.
bool is_on_stopped(const std::string& path) {
  std::error_code error;
  const std::string place = std::filesystem::absolute(path, error).lexically_normal().native();
  const auto table = read_mounts();
  const Mount* const mount = table.ok() ? mount_of(*table, place) : nullptr;
  return mount != nullptr && is_stopped(*mount);
}

}  // namespace

Status no_answer(const std::string& what, const std::string& store) {
  const pid_t pid = process_using(store);
  const std::string number = std::to_string(pid);
  const std::string daemon = printable(what) + ": its daemon" + (pid != 0 ? " (pid " + number + ")" : "");
  switch (use_of(store)) {
    case StoreUse::Stopped: return {Code::Busy, daemon + " is stopped; resume it: kill -CONT " + number};
    case StoreUse::None:
    case StoreUse::Killed: return {Code::Busy, daemon + " was killed; unmount it: modelfs umount " + printable(what)};
    default: break;
  }
  return {Code::Busy, daemon + " does not answer; it may be stopped, or wait for its disk: " +
                          (pid != 0 ? "see `ps -o stat,wchan -p " + number + "`" : "ask its owner") +
                          ", and try again"};
}

Status check_answers(const std::string& path) {
  const auto is_answered = [&path] {
    if (is_on_stopped(path)) return false;
    struct stat info {};
    (void)::stat(path.c_str(), &info);
    return true;
  };
  const Answer answer = ask_in_child(is_answered, kPatienceMs);
  // No: also where there can be no other process.
  const bool is_kept = answer == Answer::None || (answer == Answer::No && is_on_stopped(path));
  return is_kept ? blame(path) : Status();
}

}  // namespace modelfs
