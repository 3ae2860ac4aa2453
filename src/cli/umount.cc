#include "cli/umount.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <initializer_list>
#include <optional>
#include <thread>

#include "base/names.h"
#include "cli/commands.h"
#include "cli/location.h"
#include "cli/no_answer.h"
#include "cli/output.h"
#include "os/namespaces.h"
#include "os/open_files.h"
#include "os/subprocess.h"
#include "os/unmount.h"
#include "store/store_lock.h"

namespace modelfs {
namespace {

constexpr int kReleaseSeconds = 30;
constexpr int kSilentSeconds = 2;  // of those, before it is said what is waited for
constexpr auto kPollPause = std::chrono::milliseconds(20);
constexpr int kDeadCheckMs = 2000;
constexpr std::size_t kHoldersNamedMax = 5;

struct UmountOptions {
  std::string mount_point;
  bool lazy = false;
};

// The topmost mount at this place, whatever it is.
Result<Mount> mount_at(const std::string& given) {
  const auto table = read_mounts();
  if (!table.ok()) return table.status();
  // The path of a dead mount cannot be resolved to its end, so it is also tried as written.
  const auto path = absolute_path(given);
  if (!path.ok()) return path.status();
  for (const bool is_inside : {false, true}) {
    // Why second: it asks the mount, which may not answer any more.
    const auto candidate = is_inside ? absolute_path(given + "/.") : path;
    const auto found = std::find_if(table->rbegin(), table->rend(), [&](const Mount& mount) {
      return candidate.ok() && mount.mount_point == *candidate;
    });
    if (found == table->rend()) continue;
    if (found->is_ours()) return *found;
    return Status(Code::InvalidArgument,
                  printable(given) + ": a mount of type " + printable(found->type) + ", not of modelfs; use umount");
  }
  if (const auto location = locate_on(*table, *path)) {
    return Status(Code::InvalidArgument,
                  printable(given) + ": lies on a mount; its mount point is " + printable(location->mount_point));
  }
  return Status(Code::InvalidArgument, printable(given) + ": nothing is mounted there");
}

Status describe_busy(const Mount& mount, const std::string& given) {
  std::string who;
  const auto table = read_mounts();
  for (const Mount& other : table.ok() ? *table : std::vector<Mount>()) {
    if (other.device == mount.device) continue;
    const std::string beneath = path_beneath(mount.mount_point, other.mount_point);
    if (!beneath.empty()) who += "\n  something is mounted at " + printable(other.mount_point);
  }
  const auto holders = find_holders(mount.mount_point, kHoldersNamedMax);
  for (const Holder& holder : holders) {
    who += "\n  " + holder.program + " (pid " + std::to_string(holder.pid) + ") " + holder.how;
  }
  if (who.empty()) who = " by processes that you cannot see, or by what this command's output is redirected to";
  if (holders.size() == kHoldersNamedMax) who += "\n  and perhaps others";
  return {Code::Busy, printable(mount.mount_point) + ": is in use" + who +
                          "\nEnd them, or unmount all the same with `modelfs umount -l " + printable(given) + "`."};
}

// What keeps the daemon although nothing is mounted here any more.
std::string describe_foreign(const std::vector<ForeignMount>& places) {
  std::string text;
  for (const ForeignMount& place : places) {
    text += "\n  " + place.program + " (pid " + std::to_string(place.pid) + ") and its container or service, at " +
            printable(place.mount_point) + " of the mount namespace " + place.name_space;
  }
  return text;
}

// Ok, unless the daemon would have to go on for other mount namespaces that have the file system mounted: then the
// mount stays, or this machine could neither use nor mount the store until they end. It may be unmounted where its
// daemon runs elsewhere.
Status check_others(const Mount& mount) {
  if (!is_in_our_namespace(process_using(mount.source))) return {};
  const auto places = find_foreign_mounts(mount, kHoldersNamedMax);
  if (places.empty()) return {};
  return {Code::Busy, printable(mount.mount_point) + ": is mounted in other mount namespaces too, by" +
                          describe_foreign(places) + "\nEnd them, or unmount all the same with `modelfs umount -l " +
                          printable(mount.mount_point) + "`; the store can be mounted again when they have ended."};
}

Status wait_for_daemon(const Mount& mount) {
  if (wait_for_release(mount.source, kSilentSeconds)) return {};
  if (!is_in_our_namespace(process_using(mount.source))) return {};  // it is another's, and goes on
  if (use_of(mount.source) == StoreUse::Stopped) return no_answer(mount.mount_point, mount.source);
  std::fprintf(stderr, "modelfs: %s is unmounted; waiting for its daemon%s to have closed %s\n",
               printable(mount.mount_point).c_str(), (" (" + holder_of(mount.source) + ")").c_str(),
               printable(mount.source).c_str());
  if (wait_for_release(mount.source, kReleaseSeconds - kSilentSeconds)) return {};
  if (const auto places = find_foreign_mounts(mount, kHoldersNamedMax); !places.empty()) {
    return {Code::Busy, printable(mount.mount_point) + ": is unmounted, but its daemon serves others:" +
                            describe_foreign(places) + "\nIt ends with them."};
  }
  return {Code::Busy, printable(mount.mount_point) + ": is unmounted, but the daemon still holds " +
                          printable(mount.source) + " after " + std::to_string(kReleaseSeconds) +
                          " s; it may be finishing a commit, or serve a container that you cannot see: see "
                          "`modelfs doctor " +
                          printable(mount.source) + "`"};
}

// In a child process: the store may lie on a disk that does not answer.
bool is_use_one_of(const std::string& store, std::initializer_list<StoreUse> uses) {
  const auto is_one = [&] { return std::find(uses.begin(), uses.end(), use_of(store)) != uses.end(); };
  return ask_in_child(is_one, kDeadCheckMs) == Answer::Yes;
}

// Requests to this mount are never answered: its daemon was killed, and the kernel has not noticed.
bool is_orphaned(const Mount& mount) {
  if (is_use_one_of(mount.source, {StoreUse::Killed})) return true;
  if (!is_use_one_of(mount.source, {StoreUse::None})) return false;
  // Only users who may access the mount have to wait; the kernel refuses the others itself.
  const auto answers = [&mount] {
    (void)error_of_mount(mount.mount_point);
    return true;
  };
  return ask_in_child(answers, kDeadCheckMs) == Answer::None && is_mounted(mount) &&
         is_use_one_of(mount.source, {StoreUse::None});
}

Status umount(const UmountOptions& options) {
  const auto mount = mount_at(options.mount_point);
  if (!mount.ok()) return mount.status();
  // Its own working directory, which may lie in the mount, would keep it busy.
  if (::chdir("/") != 0) return Status::from_errno(errno, "leave the working directory");
  const bool was_orphaned = is_orphaned(*mount);
  if (was_orphaned) {
    if (Status status = abort_connection(*mount); !status.ok() && !options.lazy) return status;
    if (!is_mounted(*mount)) return wait_for_daemon(*mount);
  }
  if (!was_orphaned && !options.lazy && is_use_one_of(mount->source, {StoreUse::Stopped})) {
    return no_answer(mount->mount_point, mount->source);  // it could not close the store
  }
  if (!was_orphaned && !options.lazy && !is_dead_mount(mount->mount_point)) {
    if (Status status = check_others(*mount); !status.ok()) return status;
  }
  Status status = detach(*mount, options.lazy);
  bool lazy = options.lazy;
  if (status.code() == Code::Busy && is_dead_mount(mount->mount_point)) {
    // Nothing in it can be used any more, so nothing is lost.
    lazy = true;
    status = detach(*mount, true);
  }
  if (status.code() == Code::Busy) return describe_busy(*mount, options.mount_point);
  if (!status.ok()) return status;
  if (is_mounted(*mount))
    return {Code::Busy, printable(mount->mount_point) + ": another mount lies beneath it; unmount again"};
  // Files that are open after a lazy unmount keep the daemon running without limit.
  if (options.lazy || (!was_orphaned && (lazy || has_other_places(*mount)))) return {};
  return wait_for_daemon(*mount);
}

}  // namespace

Status remove_dead_mount(const Mount& mount) {
  if (is_orphaned(mount)) {
    if (Status status = abort_connection(mount); !status.ok()) return status;
    if (!is_mounted(mount)) return {};
  }
  const Status status = detach(mount, false);
  return status.code() == Code::Busy ? describe_busy(mount, mount.mount_point) : status;
}

bool is_abandoned(const std::string& store) { return is_use_one_of(store, {StoreUse::None, StoreUse::Killed}); }

bool wait_for_release(const std::string& store, int patience_seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(patience_seconds);
  for (;;) {
    const StoreUse use = use_of(store);
    // Unknown: gone with its mount, as a volatile store, or another user's.
    if (use == StoreUse::None || use == StoreUse::Unknown) return true;
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(kPollPause);
  }
}

void add_umount(CLI::App& app, Action& chosen) {
  const auto options = std::make_shared<UmountOptions>();
  CLI::App* const command =
      add_command(app, chosen, "umount", "Unmount, and wait until the daemon has closed the store",
                  [options] { return umount(*options); });
  command->add_option("MOUNTPOINT", options->mount_point, "The mount point, also of a mount whose daemon was killed")
      ->required();
  command->add_flag("-l,--lazy", options->lazy,
                    "Unmount although it is in use: open files stay usable, no new ones can be opened");
}

}  // namespace modelfs
