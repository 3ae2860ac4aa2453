#include "mount/request_metrics.h"

#include <linux/fuse.h>

#include <algorithm>
#include <cstring>

namespace modelfs {
namespace {

struct Kind {
  fuse_opcode number;
  const char* name;
};

// In the order in which they are shown. Kinds that the kernel never sends, by what was negotiated, are left out.
constexpr Kind kKnown[] = {{FUSE_INIT, "init"},
                           {FUSE_LOOKUP, "lookup"},
                           {FUSE_FORGET, "forget"},
                           {FUSE_BATCH_FORGET, "batch_forget"},
                           {FUSE_GETATTR, "getattr"},
                           {FUSE_SETATTR, "setattr"},
                           {FUSE_READLINK, "readlink"},
                           {FUSE_GETXATTR, "getxattr"},
                           {FUSE_LISTXATTR, "listxattr"},
                           {FUSE_SETXATTR, "setxattr"},
                           {FUSE_REMOVEXATTR, "removexattr"},
                           {FUSE_STATFS, "statfs"},
                           {FUSE_OPEN, "open"},
                           {FUSE_CREATE, "create"},
                           {FUSE_READ, "read"},
                           {FUSE_WRITE, "write"},
                           {FUSE_COPY_FILE_RANGE, "copy_file_range"},
                           {FUSE_LSEEK, "lseek"},
                           {FUSE_FALLOCATE, "fallocate"},
                           {FUSE_FSYNC, "fsync"},
                           {FUSE_FLUSH, "flush"},
                           {FUSE_RELEASE, "release"},
                           {FUSE_OPENDIR, "opendir"},
                           {FUSE_READDIR, "readdir"},
                           {FUSE_READDIRPLUS, "readdirplus"},
                           {FUSE_FSYNCDIR, "fsyncdir"},
                           {FUSE_RELEASEDIR, "releasedir"},
                           {FUSE_MKDIR, "mkdir"},
                           {FUSE_MKNOD, "mknod"},
                           {FUSE_SYMLINK, "symlink"},
                           {FUSE_LINK, "link"},
                           {FUSE_UNLINK, "unlink"},
                           {FUSE_RMDIR, "rmdir"},
                           {FUSE_RENAME, "rename"},
                           {FUSE_RENAME2, "rename2"},
                           {FUSE_INTERRUPT, "interrupt"}};

// What a request may take at most to be counted in a bucket; those that take longer have one of their own.
constexpr std::array<double, 14> kBounds = {1e-5, 3e-5, 1e-4, 2e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1, 3, 10};
constexpr std::array<std::int64_t, kBounds.size()> kBoundsNs = [] {
  std::array<std::int64_t, kBounds.size()> bounds{};
  for (std::size_t i = 0; i < bounds.size(); ++i) bounds[i] = static_cast<std::int64_t>(kBounds[i] * 1e9 + 0.5);
  return bounds;
}();

std::uint64_t value_of(const std::atomic<std::uint64_t>& count) { return count.load(std::memory_order_relaxed); }

void add(std::atomic<std::uint64_t>& count, std::uint64_t more) { count.fetch_add(more, std::memory_order_relaxed); }

}  // namespace

void RequestMetrics::on_received(std::uint32_t kind) { add(received_[kind < kKinds ? kind : 0], 1); }

void RequestMetrics::on_poll_hit() { add(poll_hits_, 1); }

void RequestMetrics::answered(std::uint32_t kind, int error, std::chrono::nanoseconds taken) {
  static_assert(kTimes == kBoundsNs.size() + 1);
  if (kind >= kKinds) kind = 0;
  const auto bucket = std::lower_bound(kBoundsNs.begin(), kBoundsNs.end(), taken.count()) - kBoundsNs.begin();
  add(answers_[kind].by_time[static_cast<std::size_t>(bucket)], 1);
  add(answers_[kind].total_ns, static_cast<std::uint64_t>(taken.count()));
  if (error == 0) return;
  const auto number = static_cast<std::size_t>(error);
  add(errors_[kind][error > 0 && number < kErrors ? number : 0], 1);
}

std::vector<std::pair<std::string, std::uint64_t>> RequestMetrics::by_kind() const {
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (const Kind& kind : kKnown) {
    if (const std::uint64_t count = value_of(received_[kind.number]); count != 0) counts.emplace_back(kind.name, count);
  }
  return counts;
}

void RequestMetrics::describe(PrometheusWriter& into) const {
  into.family("modelfs_requests_total", PrometheusWriter::Type::Counter, "Requests received from the kernel.");
  for (const auto& [kind, count] : by_kind()) into.sample({{"kind", kind}}, count);

  into.family("modelfs_requests_polled_total", PrometheusWriter::Type::Counter,
              "Requests from the kernel that a worker received by polling, without sleeping.");
  into.sample({}, value_of(poll_hits_));

  into.family("modelfs_request_errors_total", PrometheusWriter::Type::Counter, "Requests answered with an error.");
  for (const Kind& kind : kKnown) {
    for (std::size_t error = 0; error < kErrors; ++error) {
      const std::uint64_t count = value_of(errors_[kind.number][error]);
      const char* const name = ::strerrorname_np(static_cast<int>(error));
      if (count != 0) into.sample({{"kind", kind.name}, {"error", error == 0 || name == nullptr ? "?" : name}}, count);
    }
  }

  into.family("modelfs_request_duration_seconds", PrometheusWriter::Type::Histogram,
              "Time from reading a request to writing its answer.");
  for (const Kind& kind : kKnown) {
    const Answers& answers = answers_[kind.number];
    std::array<std::uint64_t, kTimes> counts{};
    std::transform(answers.by_time.begin(), answers.by_time.end(), counts.begin(), value_of);
    if (std::all_of(counts.begin(), counts.end(), [](std::uint64_t count) { return count == 0; })) continue;
    into.histogram({{"kind", kind.name}}, kBounds, counts, static_cast<double>(value_of(answers.total_ns)) * 1e-9);
  }
}

const char* RequestMetrics::name_of(std::uint32_t kind) {
  const auto* const found =
      std::find_if(std::begin(kKnown), std::end(kKnown), [kind](const Kind& known) { return known.number == kind; });
  return found == std::end(kKnown) ? "?" : found->name;
}

}  // namespace modelfs
