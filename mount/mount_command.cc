#include "mount/mount_command.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "base/log.h"
#include "base/thread_pool.h"
#include "cli/open_store.h"
#include "cli/replica_document.h"
#include "control/distant_changes.h"
#include "control/open_socket.h"
#include "control/server.h"
#include "ingest/ingest.h"
#include "mount/daemonize.h"
#include "mount/end_signals.h"
#include "mount/entry_invalidator.h"
#include "mount/kernel_cache.h"
#include "mount/log_file.h"
#include "mount/mount_checks.h"
#include "mount/passthrough.h"
#include "mount/process_setup.h"
#include "mount/session.h"
#include "mount/volatile_store.h"
#include "os/mountinfo.h"
#include "os/proc.h"
#include "os/subprocess.h"
#include "registry/registry.h"
#include "vfs/file_system.h"

namespace modelfs {
namespace {

// Threads for what may take long. One user may have as many as answer requests: fewer would let slow commits hold up
// quick closes. As many again are for others, whatever he does.
constexpr unsigned kSlowThreadCount = 16;
constexpr unsigned kSlowThreadsPerUserMax = 8;
// How long the starting process waits for the first answer of the mount.
constexpr int kFirstAnswerMs = 10'000;

int complain(const Status& status) {
  std::fprintf(stderr, "modelfs: %s\n", status.message().c_str());
  return 1;
}

// `request` with canonical paths, or why it cannot be carried out.
Result<MountRequest> checked(MountRequest request) {
  if (Status status = check_fuse(request.allow_other); !status.ok()) return status;
  auto mount_point = check_mount_point(request.mount_point);
  if (!mount_point.ok()) return mount_point.status();
  request.mount_point = *std::move(mount_point);
  if (request.volatile_store) return request;
  auto store = check_store_path(request.store, request.mount_point);
  if (!store.ok()) return store.status();
  request.store = *std::move(store);
  return request;
}

Hooks hooks_of(FileSystem& files) {
  return {.on_published = [&files](const Published& published) { files.published(published); },
          .on_domain_changed = [&files](const DomainName& domain) { files.domain_changed(domain); },
          .on_moved_away = [&files](Ino directory, const std::string& name) { files.moved_away(directory, name); },
          .open_containers = [&files] { return files.open_containers(); }};
}

// Logs how the mount came up. `is_starting`: on the terminal of a waiting user, where only warnings belong.
log::level::level_enum log_level(const MountRequest& request, bool is_starting) {
  if (request.debug) return log::level::debug;
  return is_starting ? log::level::warn : log::level::info;
}

// Logs how published files are read. Why a warning: nothing else shows that reads are slower.
void tell_read_mode(const Passthrough& passthrough) {
  const ReadMode mode = passthrough.mode();
  if (mode.by_kernel) return log::info("published files are read by the kernel itself (passthrough)");
  const auto level = passthrough.is_wanted() ? log::level::warn : log::level::info;
  log::log(level, "published files are read through the daemon, slower than from the disk: {}", mode.reason);
}

// Called when requests are being answered.
void announce(Readiness& readiness, const MountRequest& request, const Passthrough& passthrough, int store_dir) {
  if (readiness.is_awaited()) {
    tell_read_mode(passthrough);  // on the terminal; below it goes to the log
    leave_terminal(store_dir);
  }
  log::set_level(log_level(request, false));
  log::info("modelfs {} serves {} at {}", MODELFS_VERSION, request.store, request.mount_point);
  tell_read_mode(passthrough);
  if (!readiness.announce()) ::kill(::getpid(), SIGTERM);  // the process that started it is gone
}

Status on_read_only_disk(const MountRequest& request) {
  return {Code::Immutable,
          request.store + " lies on a disk that is read-only: mount it with -o ro, or remount the disk"};
}

// A store that ends with its mount is not worth it, and it lies in memory.
std::uint64_t ballast_of(const MountRequest& request) {
  return request.volatile_store ? 0 : std::min(kBallastBytes, request.reserve_bytes / 2);
}

bool is_disk_full_or_read_only(Code code) { return code == Code::NoSpace || code == Code::Immutable; }

// Whom the thread of a log tells of what it has applied.
CommitLogOptions log_options_of(const MountRequest& request, DistantChanges& distant) {
  CommitLogOptions options;
  options.publish_deadline = request.publish_deadline;
  if (request.follow.count() > 0) options.poll = {request.follow, request.follow, request.follow};
  options.on_applied = [&distant](const AppliedRecord& record) {
    std::vector<Batch> changes;
    for (const LoggedChanges& each : record.changes) {
      changes.push_back({{}, each.erases, each.erase_prefixes, each.puts});
    }
    distant.add(std::move(changes));
  };
  return options;
}

Result<OpenStore> open_mounted(const std::string& store_path, const MountRequest& request, DistantChanges& distant) {
  OpenStoreRequest wanted;
  wanted.path = store_path;
  wanted.create = request.read_only && request.remote.empty() ? CreateMode::OpenOnly : CreateMode::CreateIfAbsent;
  wanted.engine = {.reserve_bytes = request.reserve_bytes,
                   .ballast_bytes = ballast_of(request),
                   .block_cache_bytes = request.block_cache_bytes};
  wanted.only_reads = request.read_only;
  if (!request.remote.empty()) {
    wanted.remote = RemoteAddress{request.remote, request.remote_options};
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(store_path).parent_path(), error);
    if (error) return Status::from_errno(error.value(), "create the directory above " + store_path);
  }
  wanted.log = log_options_of(request, distant);
  auto opened = open_store(wanted);
  if (opened.ok() && opened->lock.is_read_only() && !request.read_only) return on_read_only_disk(request);
  return opened;
}

// However serving ends: who hears of other hosts ends before what is told of it.
class Listening {
 public:
  Listening(DistantChanges& distant, Registry& registry, Hooks hooks, std::function<void(Ino)> on_changed)
      : distant_(distant) {
    distant_.connect(registry, std::move(hooks), std::move(on_changed));
  }
  ~Listening() { distant_.disconnect(); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  DistantChanges& distant_;
};

// However serving ends: nobody hears of what the registry finds out any more, before those who would are gone.
struct EndOfRegistry {
  Registry& registry;
  ~EndOfRegistry() { registry.prepare_to_end(); }
};

// Lets those use commands who may use the mount and not enter the store.
void serve_others(ControlServer& control, const std::string& mount_point) {
  const auto table = read_mounts();
  const Mount* const mount = table.ok() ? mount_of(*table, mount_point) : nullptr;
  const Status served = mount != nullptr && mount->is_ours()
                            ? control.serve_others(open_socket_path(mount->device))
                            : Status(Code::NotFound, mount_point + " is not in the mount table");
  if (served.ok()) return;
  log::log(::geteuid() == 0 ? log::level::warn : log::level::info, "commands are for the owner of the store: {}",
           served.message());
}

// Serves `store_path` until it is unmounted or told to end. `request.store` is what others call it.
Status serve_store(const std::string& store_path, const MountRequest& request, const EndSignals& signals,
                   Readiness& readiness, EntryInvalidator& forgetter) {
  DistantChanges distant;
  auto opened = open_mounted(store_path, request, distant);
  if (!opened.ok()) return opened.status();
  const StoreLock& lock = opened->lock;
  KernelCacheNotifier notifier(forgetter);
  const auto tell_kernel = [&notifier](Ino ino) { notifier.invalidate_attributes(ino); };
  const bool is_replica = opened->replica != nullptr;
  const auto registry = Registry::open(std::move(opened->engine), lock.directory(),
                                       {.reserve_bytes = request.reserve_bytes,
                                        .compacts_archives = request.recipes && !request.read_only && !is_replica,
                                        .read_only = request.read_only,
                                        .on_changed = tell_kernel});
  if (!registry.ok()) return registry.status();
  ServedAt place{.mount_point = request.mount_point, .store_id = lock.id()};
  offer_bucket(opened->replica.get(), place);
  const auto ingest = Ingest::open(**registry, request.archive_limits);
  if (!ingest.ok()) return ingest.status();

  Passthrough passthrough(request.passthrough);
  RequestMetrics counts;
  FileSystem files(**registry, **ingest, notifier, standard_layouts(),
                   {.read_only = request.read_only,
                    .mount_point = request.mount_point,
                    .client_root = request.client_root,
                    .store_path = request.store,
                    .owner_uid = ::geteuid(),
                    .owner_gid = ::getegid(),
                    .kernel_reads = &passthrough,
                    .is_killed = is_killed,
                    .request_counts = [&counts] { return counts.by_kind(); },
                    .describe_registry = place.describe_registry,
                    .commits_wait = is_replica,
                    .describe_requests = [&counts](PrometheusWriter& into) { counts.describe(into); }});
  const EndOfRegistry end{**registry};
  // Before the kernel asks for anything that another host may change in that moment.
  const Listening listening(distant, **registry, hooks_of(files), tell_kernel);
  auto control = ControlServer::start(**registry, (*ingest)->archives, lock.directory(), hooks_of(files), place);
  if (!control.ok() && !is_disk_full_or_read_only(control.code())) return control.status();
  if (!control.ok()) log::warn("commands have to open the store themselves: {}", control.status().message());
  std::optional<ThreadPool> slow(std::in_place, "slow", kSlowThreadCount, kSlowThreadsPerUserMax);
  MountContext served{.files = files, .slow = *slow, .passthrough = passthrough, .counts = counts};
  auto session = Session::mount({.mount_point = request.mount_point,
                                 .source = request.store,
                                 .read_only = request.read_only,
                                 .allow_other = request.allow_other,
                                 .debug = request.debug,
                                 .poll_window = request.poll_window},
                                served, notifier);
  if (!session.ok()) return session.status();

  if (Status status = (*session)->start(); !status.ok()) return status;
  if (request.allow_other && control.ok()) serve_others(**control, request.mount_point);
  passthrough.probe(lock.directory());
  announce(readiness, request, passthrough, lock.directory());
  (*session)->wait_for_end(signals);
  distant.disconnect();
  (*registry)->prepare_to_end();
  // What waits for a bucket that does not answer would wait for its deadline.
  if (is_replica && !opened->replica->log().state().is_reachable) opened->replica->end();
  // The control server and the notifier go while requests are answered: they may wait for them
  // (KernelCache::invalidate_entry). Then requests in progress are finished and answered before the connection is
  // closed. The lock is released last, because `modelfs umount` takes it as the end of the daemon.
  if (control.ok()) control->reset();
  notifier.finish();
  (*session)->stop();
  slow.reset();
  session->reset();
  return {};
}

// Runs the daemon.
int run_daemon(MountRequest request, Readiness& readiness) {
  log_to_stderr(log_level(request, readiness.is_awaited()));
  if (Status status = setup_process(); !status.ok()) return complain(status);
  const auto signals = EndSignals::block();
  if (!signals.ok()) return complain(signals.status());
  EntryInvalidator forgetter;
  if (!request.volatile_store) {
    const Status status = serve_store(request.store, request, *signals, readiness, forgetter);
    return status.ok() ? 0 : complain(status);
  }
  const auto store = VolatileStore::create();
  if (!store.ok()) return complain(store.status());
  request.store = store->public_path();
  const Status status = serve_store(store->path(), request, *signals, readiness, forgetter);
  return status.ok() ? 0 : complain(status);
}

// What the process that started the daemon prints and returns.
int report_start(const std::string& mount_point, pid_t daemon) {
  struct stat info {};
  const auto answered = ask_in_child([&] { return ::stat(mount_point.c_str(), &info) == 0; }, kFirstAnswerMs);
  if (answered == Answer::Yes) return 0;
  ::kill(daemon, SIGTERM);
  std::fprintf(stderr, "modelfs: %s is mounted, but does not answer; it is unmounted again\n", mount_point.c_str());
  return 1;
}

}  // namespace

int run_mount(const MountRequest& request) {
  setup_signals();  // the process that waits for the daemon asks in children, too
  const auto plan = checked(request);
  if (!plan.ok()) return complain(plan.status());
  if (plan->foreground || plan->debug) {
    Readiness nobody_waits;
    return run_daemon(*plan, nobody_waits);
  }
  return run_in_background([&](Readiness& readiness) { return run_daemon(*plan, readiness); },
                           [&](pid_t daemon) { return report_start(plan->mount_point, daemon); });
}

}  // namespace modelfs
