#include "registry/space_use.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>
#include <unordered_map>

#include "catalog/keys.h"
#include "catalog/manifest.h"

namespace modelfs {
namespace {

using Row = std::uint32_t;
constexpr Row kNoRow = std::numeric_limits<Row>::max();  // what is not asked for

// That something of a row refers to a blob.
struct Reference {
  Digest digest;
  std::uint64_t size_bytes = 0;
  std::uint64_t disk_bytes = 0;
  Row row = kNoRow;

  auto order() const { return std::tie(digest.bytes, row); }
};

class SpaceMeter {
 public:
  SpaceMeter(const Snapshot& stored, SpaceReport& report) : stored_(stored), report_(report) {}

  // What is filed under a domain, or under one of its releases, counts for a new row.
  void add_domain(const DomainName& domain) {
    domains_.emplace(domain.str(), row_of({domain.str(), "", "", 0, 0, 0, 0}));
  }
  void add_release(const DomainName& domain, const ReleaseRecord& release, std::string_view trash_name) {
    releases_.emplace(std::pair(domain.str(), raw(release.sequence)),
                      row_of({domain.str(), release.version, std::string(trash_name), 0, 0, 0, 0}));
  }

  Status read_manifests() {
    Status failed;
    const Status scanned =
        stored_.keys().scan(keys::all(keys::Kind::Manifest), "", [&](std::string_view key, std::string_view value) {
          const auto record = ContainerRecord::decode(value);
          const auto manifest = record.ok() ? Manifest::decode(record->manifest) : record.status();
          if (!manifest.ok()) failed = manifest.status();
          if (manifest.ok()) read_manifest(key, find_row(*record), **manifest);
          return failed.ok();
        });
    return scanned.ok() ? failed : scanned;
  }

  Status read_archives() {
    Status failed;
    const Status scanned =
        stored_.keys().scan(keys::all(keys::Kind::Archive), "", [&](std::string_view key, std::string_view value) {
          const auto record = ArchiveRecord::decode(value);
          if (!record.ok()) failed = record.status();
          if (!record.ok() || record->kept == ArchiveRecord::Kept::Recipe) return failed.ok();
          const auto row = containers_.find(std::string(key.substr(2)));
          add({record->hash.digest, record->size_bytes, disk_bytes(record->size_bytes, record->allocated_bytes),
               row == containers_.end() ? kNoRow : row->second});
          return true;
        });
    return scanned.ok() ? failed : scanned;
  }

  void add_draft_blob(const Digest& digest) { add({digest, 0, 0, kNoRow}); }

  // Counts each blob once for each row that refers to it.
  void sum_up() {
    const auto is_before = [](const Reference& a, const Reference& b) { return a.order() < b.order(); };
    std::sort(references_.begin(), references_.end(), is_before);
    for (std::size_t first = 0; first < references_.size();) {
      std::size_t end = first;
      while (end < references_.size() && references_[end].digest == references_[first].digest) ++end;
      count_blob(first, end);
      first = end;
    }
    for (const SpaceUse& row : report_.rows) report_.total.logical_bytes += row.logical_bytes;
  }

 private:
  Row row_of(SpaceUse use) {
    report_.rows.push_back(std::move(use));
    return static_cast<Row>(report_.rows.size() - 1);
  }

  Row find_row(const ContainerRecord& container) const {
    if (const auto found = domains_.find(container.domain); found != domains_.end()) return found->second;
    const auto found = releases_.find(std::pair(container.domain, raw(container.release)));
    return found == releases_.end() ? kNoRow : found->second;
  }

  // Small blobs lie in the catalog, in no blocks of their own.
  static std::uint64_t disk_bytes(std::uint64_t size_bytes, std::uint64_t allocated_bytes) {
    return size_bytes <= kInlineBlobBytesMax ? size_bytes : allocated_bytes;
  }

  void read_manifest(std::string_view key, Row row, const Manifest& manifest) {
    containers_.emplace(key.substr(2), row);
    for (const ManifestEntry& entry : manifest.entries()) {
      if (entry.type != FileType::Regular) continue;
      if (row != kNoRow) report_.rows[row].logical_bytes += entry.size_bytes;
      add({entry.hash.digest, entry.size_bytes, disk_bytes(entry.size_bytes, entry.allocated_bytes), row});
    }
  }

  void add(const Reference& reference) { references_.push_back(reference); }

  // The references from `first` to before `end` are all that there are to one blob, sorted by row.
  void count_blob(std::size_t first, std::size_t end) {
    const Reference& blob = references_[first];
    const Row last = references_[end - 1].row;  // kNoRow is the largest
    if (blob.row == kNoRow) return;
    const auto add_to = [&](SpaceUse& use, bool is_alone) {
      (is_alone ? use.own_bytes : use.shared_bytes) += blob.size_bytes;
      if (is_alone) use.freeable_bytes += blob.disk_bytes;
    };
    add_to(report_.total, last != kNoRow);
    Row before = kNoRow;
    for (std::size_t i = first; i < end; ++i) {
      const Row row = references_[i].row;
      if (row == before || row == kNoRow) continue;
      add_to(report_.rows[row], blob.row == last);
      before = row;
    }
  }

  const Snapshot& stored_;
  SpaceReport& report_;
  std::map<std::string, Row, std::less<>> domains_;
  std::map<std::pair<std::string, std::uint64_t>, Row> releases_;
  std::unordered_map<std::string, Row> containers_;  // by the rest of the key
  std::vector<Reference> references_;
};

Status add_releases(const Snapshot& stored, const DomainName& domain, std::string_view version, SpaceMeter& meter) {
  Status status = stored.for_each_release(domain, [&](const ReleaseRecord& release) {
    if (version.empty() || release.version == version) meter.add_release(domain, release, "");
    return true;
  });
  if (!status.ok() || !version.empty()) return status;
  return stored.for_each_removed(domain, [&](std::string_view name, const ReleaseRecord& release) {
    meter.add_release(domain, release, name);
    return true;
  });
}

}  // namespace

Result<SpaceReport> measure_space(RegistryCore& core, std::string_view domain, std::string_view version,
                                  const MayRead& may_read) {
  SpaceReport report;
  const auto stored = core.snapshot();
  if (!stored.ok()) return stored.status();
  SpaceMeter meter(*stored, report);
  Status status;
  if (domain.empty()) {
    const auto add = [&](const DomainName& name, const DomainRecord& head) {
      if (may_read(name, head)) meter.add_domain(name);
      return true;
    };
    status = stored->for_each_domain(add);
    // What a removed domain has in its trash takes space, too.
    if (status.ok()) status = stored->for_each_removed_domain(add);
  } else {
    const auto name = DomainName::parse(std::string(domain));
    status = name.ok() ? add_releases(*stored, *name, version, meter) : name.status();
    report.total.domain = domain;
  }
  if (status.ok()) status = meter.read_manifests();
  if (status.ok()) status = meter.read_archives();
  if (status.ok()) {
    status = core.drafts().reclaimer().for_each_blob([&](const Digest& digest) { meter.add_draft_blob(digest); });
  }
  if (!status.ok()) return status;
  meter.sum_up();
  return report;
}

}  // namespace modelfs
