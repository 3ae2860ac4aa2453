// What /.modelfs/metrics says: StatusFile::metrics().
#include <array>

#include "vfs/status_file.h"

namespace modelfs {

using Type = PrometheusWriter::Type;

namespace {

// Commits, by what `events` calls them. A label that ln(1) moves is one here, though it makes another one first.
struct Commit {
  const char* event;
  const char* kind;
};
constexpr std::array<Commit, 10> kCommits = {{{"publish", "release"},
                                              {"generate", "generation"},
                                              {"set_label", "label"},
                                              {"remove_label", "label_removal"},
                                              {"remove", "removal"},
                                              {"restore", "restoration"},
                                              {"purge", "purge"},
                                              {"create_domain", "domain"},
                                              {"remove_domain", "domain_removal"},
                                              {"set_domain_owner", "domain_owner"}}};

void describe_commits(const Events& events, PrometheusWriter& into) {
  const auto counts = events.counts();
  const auto count_of = [&counts](const char* event) {
    const auto found = counts.find(event);
    return found == counts.end() ? std::uint64_t{0} : found->second;
  };
  into.family("modelfs_commits_total", Type::Counter, "Commits since the mount, through it and through the socket.");
  for (const Commit& commit : kCommits) into.sample({{"kind", commit.kind}}, count_of(commit.event));
  into.family("modelfs_refusals_total", Type::Counter, "Refused operations; events has the reasons.");
  into.sample({}, count_of("refused"));
}

void describe_traffic(const Traffic& traffic, PrometheusWriter& into) {
  into.family("modelfs_read_bytes_total", Type::Counter,
              "Bytes that the daemon served to readers, without those that the kernel reads itself.");
  into.sample({{"of", "published"}}, traffic.published_read_bytes.load(std::memory_order_relaxed));
  into.sample({{"of", "draft"}}, traffic.draft_read_bytes.load(std::memory_order_relaxed));
  into.family("modelfs_written_bytes_total", Type::Counter, "Bytes written to drafts.");
  into.sample({}, traffic.draft_written_bytes.load(std::memory_order_relaxed));
  into.family("modelfs_borrowed_bytes_total", Type::Counter,
              "Bytes copied from releases into drafts by reference, without moving data.");
  into.sample({}, traffic.draft_borrowed_bytes.load(std::memory_order_relaxed));
}

void describe_opens(const OpenNodes& nodes, PrometheusWriter& into) {
  const OpenNodes::Figures opens = nodes.figures();
  into.family("modelfs_opens_total", Type::Counter, "Opens of files, by reader: the kernel or the daemon.");
  into.sample({{"read_by", "kernel"}}, opens.by_kernel);
  into.sample({{"read_by", "daemon"}}, opens.by_daemon);
  into.family("modelfs_lent_files", Type::Gauge, "Files that the kernel reads itself at present.");
  into.sample({}, std::uint64_t{opens.lent});
  into.family("modelfs_passthrough", Type::Gauge, "1 if the kernel can read published files itself.");
  into.sample({}, std::uint64_t{nodes.mode().by_kernel ? 1u : 0u});
}

void describe_caches(const std::array<std::pair<const char*, CacheFigures>, 3>& caches, PrometheusWriter& into) {
  into.family("modelfs_cache_hits_total", Type::Counter, "Cache hits.");
  for (const auto& [name, figures] : caches) into.sample({{"cache", name}}, figures.hits);
  into.family("modelfs_cache_misses_total", Type::Counter, "Cache misses.");
  for (const auto& [name, figures] : caches) into.sample({{"cache", name}}, figures.misses);
  into.family("modelfs_cache_bytes", Type::Gauge, "Bytes in a cache; rebuilt archives lie on the disk.");
  for (const auto& [name, figures] : caches) into.sample({{"cache", name}}, figures.bytes);
}

// The sequences of the last commits: a scraper that sees a new one knows what to read again.
Status describe_domains(const Snapshot& stored, PrometheusWriter& into) {
  std::uint64_t count = 0;
  into.family("modelfs_domain_sequence", Type::Gauge, "The sequence of a domain's last commit.");
  const Status scanned = stored.for_each_domain([&](const DomainName& name, const DomainRecord& head) {
    into.sample({{"domain", name.str()}}, raw(head.last));
    return ++count > 0;
  });
  into.family("modelfs_domains", Type::Gauge, "Domains in the store.");
  into.sample({}, count);
  return scanned;
}

void describe_disk(const SpaceFigures& space, PrometheusWriter& into) {
  into.family("modelfs_store_disk_bytes", Type::Gauge, "Size of the file system of the store.");
  into.sample({}, space.blocks * space.block_bytes);
  into.family("modelfs_store_disk_available_bytes", Type::Gauge,
              "Free space on the file system of the store, including the reserve.");
  into.sample({}, space.blocks_available * space.block_bytes);
}

}  // namespace

Result<std::string> StatusFile::metrics() const {
  PrometheusWriter text;
  text.family("modelfs_info", Type::Gauge, "Always 1.");
  text.sample(
      {{"version", MODELFS_VERSION}, {"store", from_.options.store_path}, {"mount_point", from_.options.mount_point}},
      std::uint64_t{1});
  text.family("modelfs_start_time_seconds", Type::Gauge, "Start of the mount, in seconds since 1970.");
  text.sample({}, static_cast<double>(raw(from_.mounted)) * 1e-9);
  if (from_.options.describe_requests) from_.options.describe_requests(text);
  describe_traffic(from_.traffic, text);
  describe_opens(from_.open_nodes, text);
  describe_commits(from_.registry.events(), text);
  describe_caches({{{"containers", from_.containers.figures()},
                    {"archive_layouts", from_.registry.archives().layout_figures()},
                    {"rebuilt_archives", from_.registry.archives().rebuilt_figures()}}},
                  text);
  text.family("modelfs_known_nodes", Type::Gauge, "Nodes that the kernel has cached.");
  text.sample({}, std::uint64_t{from_.nodes.size()});
  text.family("modelfs_open_handles", Type::Gauge, "Open files and directories.");
  text.sample({}, std::uint64_t{from_.handles.size()});
  const auto stored = from_.registry.snapshot();
  if (!stored.ok()) return stored.status();
  if (Status status = describe_domains(*stored, text); !status.ok()) return status;
  const auto space = store_space(from_.registry);
  if (!space.ok()) return space.status();
  describe_disk(*space, text);
  return text.text();
}

}  // namespace modelfs
