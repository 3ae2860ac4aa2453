#include "catalog/snapshot.h"

#include <utility>
#include <vector>

#include "catalog/keys.h"

namespace modelfs {
namespace {

std::string in_domain(const DomainName& domain) { return " in domain " + domain.str(); }
std::string release_name(const DomainName& domain, std::string_view version) {
  return "release " + printable(version) + in_domain(domain);
}

class ReadOnce final : public KeyValueSnapshot {
 public:
  explicit ReadOnce(std::shared_ptr<const KeyValueSnapshot> below) : below_(std::move(below)) {}

  Result<std::string> get(std::string_view key) const override {
    // Why no map: a request reads a handful.
    for (const auto& [known, value] : read_) {
      if (known == key) return value;
    }
    return read_.emplace_back(key, below_->get(key)).second;
  }
  Status scan(std::string_view prefix, std::string_view from,
              const std::function<bool(std::string_view key, std::string_view value)>& visit) const override {
    return below_->scan(prefix, from, visit);
  }
  Status failure() const override { return below_->failure(); }

 private:
  const std::shared_ptr<const KeyValueSnapshot> below_;
  mutable std::vector<std::pair<std::string, Result<std::string>>> read_;
};

// The value under `key`. `what` names it for people: "release 1.2.0 in domain churn".
Result<std::string> value_of(const KeyValueSnapshot& keys, const std::string& key, const std::string& what) {
  auto value = keys.get(key);
  if (value.code() == Code::NotFound) return Status(Code::NotFound, "no " + what);
  return value;
}

template <class Record>
Result<Record> decoded(std::string_view value, const std::string& what) {
  auto record = Record::decode(value);
  if (record.ok()) return record;
  return Status(record.code(), what + ": " + record.status().message());
}

template <class Record>
Result<Record> record_of(const KeyValueSnapshot& keys, const std::string& key, const std::string& what) {
  const auto value = value_of(keys, key, what);
  if (!value.ok()) return value.status();
  return decoded<Record>(*value, what);
}

// Calls `visit` with each record whose key begins with `prefix`, and with the rest of its key, until it returns false.
// `what` names one of them for people: "a release in domain churn".
template <class Record, class Visit>
Status each_record(const KeyValueSnapshot& keys, const std::string& prefix, const std::string& what,
                   const Visit& visit) {
  Status failure;
  const Status scanned = keys.scan(prefix, "", [&](std::string_view key, std::string_view value) {
    const auto record = decoded<Record>(value, what);
    if (record.ok()) return visit(key.substr(prefix.size()), *record);
    failure = record.status();
    return false;
  });
  return failure.ok() ? scanned : failure;
}

// The release that the catalog itself names as `version`: its absence is a corrupt catalog, not the caller's mistake.
Result<ReleaseRecord> promised_release(const Snapshot& snapshot, const DomainName& domain, std::string_view version) {
  auto release = snapshot.release(domain, version);
  if (release.code() != Code::NotFound) return release;
  return Status(Code::Corrupt, "the catalog names " + release_name(domain, version) + ", which is not there");
}

Result<bool> has_key(const KeyValueSnapshot& keys, const std::string& prefix) {
  bool found = false;
  const Status status = keys.scan(prefix, "", [&](std::string_view, std::string_view) {
    found = true;
    return false;
  });
  if (!status.ok()) return status;
  return found;
}

}  // namespace

Snapshot Snapshot::reading_once() const { return Snapshot(std::make_shared<ReadOnce>(keys_)); }

Result<DomainRecord> Snapshot::domain(const DomainName& name) const {
  return record_of<DomainRecord>(*keys_, keys::domain(name), "domain " + name.str());
}

Result<ReleaseRecord> Snapshot::release(const DomainName& domain, std::string_view version) const {
  return record_of<ReleaseRecord>(*keys_, keys::release(domain, version), release_name(domain, version));
}

Result<ReleaseRecord> Snapshot::latest_release(const DomainName& domain) const {
  std::optional<std::string> version;
  // These keys sort newest first.
  const Status scanned =
      keys_->scan(keys::in_domain(keys::Kind::BySequence, domain), "", [&](std::string_view, std::string_view value) {
        version = value;
        return false;
      });
  if (!scanned.ok()) return scanned;
  if (!version) return Status(Code::NotFound, "no release" + in_domain(domain));
  return promised_release(*this, domain, *version);
}

Result<ReleaseRecord> Snapshot::release_by_model_id(const DomainName& domain, std::string_view model_id) const {
  const auto version = value_of(*keys_, keys::model_id(domain, model_id),
                                "release with model id " + printable(model_id) + in_domain(domain));
  if (!version.ok()) return version.status();
  return promised_release(*this, domain, *version);
}

Result<ReleaseRecord> Snapshot::removed(const DomainName& domain, std::string_view name) const {
  return record_of<ReleaseRecord>(*keys_, keys::removed(domain, name),
                                  "removed release " + printable(name) + in_domain(domain));
}

Result<TombstoneRecord> Snapshot::tombstone(const DomainName& domain, std::string_view version) const {
  return record_of<TombstoneRecord>(*keys_, keys::tombstone(domain, version),
                                    "tombstone of " + release_name(domain, version));
}

Result<Ino> Snapshot::newest(const DomainName& domain) const {
  const auto value = value_of(*keys_, keys::newest(domain), "release" + in_domain(domain));
  if (!value.ok()) return value.status();
  const auto number = parse_be64(*value);
  if (!number.ok()) return Status(Code::Corrupt, "the last release" + in_domain(domain) + " has no number");
  return Ino{*number};
}

Result<PlacementRecord> Snapshot::placement(const DomainName& domain, std::string_view directory,
                                            std::string_view name) const {
  auto found = record_of<PlacementRecord>(*keys_, keys::placement(domain, directory, name),
                                          "placement of '" + printable(name) + "'");
  if (!found.ok() || is_live(*found)) return found;
  return Status(Code::NotFound, "the release of '" + printable(name) + "' was removed");
}

bool Snapshot::is_live(const PlacementRecord& placement) const {
  const auto domain = DomainName::parse(placement.domain);
  const auto live = domain.ok() ? release(*domain, placement.version) : Result<ReleaseRecord>(domain.status());
  return live.ok() && live->sequence == placement.sequence;
}

Status Snapshot::for_each_tombstone(
    const DomainName& domain,
    const std::function<bool(std::string_view version, const TombstoneRecord&)>& visit) const {
  return each_record<TombstoneRecord>(*keys_, keys::in_domain(keys::Kind::Tombstone, domain),
                                      "a tombstone" + in_domain(domain), visit);
}

Status Snapshot::for_each_placement(
    const DomainName& domain, std::string_view directory,
    const std::function<bool(std::string_view name, const PlacementRecord&)>& visit) const {
  return each_record<PlacementRecord>(
      *keys_, keys::placements_in(domain, directory), "a placement",
      [&](std::string_view name, const PlacementRecord& found) { return !is_live(found) || visit(name, found); });
}

Status Snapshot::for_each_placement_of(
    Ino release,
    const std::function<bool(std::string_view directory, std::string_view name, const PlacementRecord&)>& visit) const {
  return each_record<PlacementRecord>(*keys_, keys::placements_of(release), "a placement",
                                      [&](std::string_view rest, const PlacementRecord& found) {
                                        const std::size_t end = rest.find('\0');
                                        if (end == std::string_view::npos) return true;
                                        return visit(rest.substr(0, end), rest.substr(end + 1), found);
                                      });
}

Result<bool> Snapshot::has_placement_in(const DomainName& domain, std::string_view directory) const {
  return has_key(*keys_, keys::placements_in(domain, directory));
}

Result<bool> Snapshot::has_placement_beneath(const DomainName& domain, std::string_view directory) const {
  const auto here = has_placement_in(domain, directory);
  if (!here.ok() || *here) return here;
  return has_key(*keys_, keys::placements_below(domain, directory));
}

Result<GenerationRecord> Snapshot::generation(const DomainName& domain, Sequence release, Generation number) const {
  return record_of<GenerationRecord>(*keys_, keys::generation(domain, release, number),
                                     "generation " + std::to_string(raw(number)) + " of the release of commit " +
                                         std::to_string(raw(release)) + in_domain(domain));
}

Result<LabelRecord> Snapshot::label(const DomainName& domain, std::string_view name) const {
  return record_of<LabelRecord>(*keys_, keys::label(domain, name), "label " + printable(name) + in_domain(domain));
}

Result<Container> Snapshot::container(Ino ino) const {
  const std::string what = "manifest of directory " + std::to_string(raw(ino));
  auto record = record_of<ContainerRecord>(*keys_, keys::manifest(ino), what);
  if (!record.ok()) return record.status();
  auto manifest = Manifest::decode(record->manifest);
  if (!manifest.ok()) return Status(manifest.code(), what + ": " + manifest.status().message());
  return Container{std::move(record->domain), std::move(record->version), record->release, record->generation,
                   std::move(*manifest)};
}

Result<ReleaseRecord> Snapshot::release_of(const Container& container) const {
  const auto domain = DomainName::parse(container.domain);
  if (!domain.ok()) return domain.status();
  auto live = release(*domain, container.version);
  if (live.ok() && live->sequence == container.release) return live;
  auto there = removed(*domain, container.version);
  if (there.ok() && there->sequence == container.release) return there;
  Result<ReleaseRecord> found = Status(Code::NotFound, "the release is gone");
  const Status scanned = for_each_removed(*domain, [&](std::string_view, const ReleaseRecord& record) {
    if (record.sequence == container.release) found = record;
    return !found.ok();
  });
  return scanned.ok() ? found : Result<ReleaseRecord>(scanned);
}

Result<std::string> Snapshot::label_of(const DomainName& domain, std::string_view version) const {
  std::string found;
  const Status status = for_each_label(domain, [&](std::string_view name, const LabelRecord& record) {
    if (record.version == version) found = name;
    return found.empty();
  });
  if (!status.ok()) return status;
  return found;
}

Result<std::string> Snapshot::metadata(Ino ino) const {
  return value_of(*keys_, keys::metadata(ino), "metadata of directory " + std::to_string(raw(ino)));
}

Result<ArchiveRecord> Snapshot::archive(Ino ino) const {
  return record_of<ArchiveRecord>(*keys_, keys::archive(ino), "archive of directory " + std::to_string(raw(ino)));
}

Result<std::string> Snapshot::recipe(Ino ino) const {
  return value_of(*keys_, keys::recipe(ino), "recipe for the archive of directory " + std::to_string(raw(ino)));
}

Result<BlobRecord> Snapshot::blob(const Digest& digest) const {
  return record_of<BlobRecord>(*keys_, keys::blob(digest), "blob " + digest.hex());
}

namespace {

Status each_domain(const KeyValueSnapshot& stored, keys::Kind kind,
                   const std::function<bool(const DomainName&, const DomainRecord&)>& visit) {
  Status failure;
  const auto named = [&](std::string_view text, const DomainRecord& record) {
    const auto name = DomainName::parse(text);
    if (name.ok()) return visit(*name, record);
    failure = Status(Code::Corrupt, "a domain record's key: " + name.status().message());
    return false;
  };
  const Status visited = each_record<DomainRecord>(stored, keys::all(kind), "a domain", named);
  return failure.ok() ? visited : failure;
}

}  // namespace

Status Snapshot::for_each_domain(const std::function<bool(const DomainName&, const DomainRecord&)>& visit) const {
  return each_domain(*keys_, keys::Kind::Domain, visit);
}

Status Snapshot::for_each_removed_domain(
    const std::function<bool(const DomainName&, const DomainRecord&)>& visit) const {
  return each_domain(*keys_, keys::Kind::RemovedDomain, visit);
}

Status Snapshot::for_each_release(const DomainName& domain,
                                  const std::function<bool(const ReleaseRecord&)>& visit) const {
  return each_record<ReleaseRecord>(*keys_, keys::in_domain(keys::Kind::Release, domain),
                                    "a release" + in_domain(domain),
                                    [&](std::string_view, const ReleaseRecord& record) { return visit(record); });
}

Status Snapshot::for_each_removed(const DomainName& domain,
                                  const std::function<bool(std::string_view name, const ReleaseRecord&)>& visit) const {
  return each_record<ReleaseRecord>(*keys_, keys::in_domain(keys::Kind::Removed, domain),
                                    "a removed release" + in_domain(domain), visit);
}

Status Snapshot::for_each_generation(const DomainName& domain, Sequence release,
                                     const std::function<bool(const GenerationRecord&)>& visit) const {
  return each_record<GenerationRecord>(*keys_, keys::generations(domain, release), "a generation" + in_domain(domain),
                                       [&](std::string_view, const GenerationRecord& record) { return visit(record); });
}

Status Snapshot::for_each_label(const DomainName& domain,
                                const std::function<bool(std::string_view name, const LabelRecord&)>& visit) const {
  return each_record<LabelRecord>(*keys_, keys::in_domain(keys::Kind::Label, domain), "a label" + in_domain(domain),
                                  visit);
}

Status Snapshot::for_each_history(const DomainName& domain,
                                  const std::function<bool(const HistoryRecord&)>& visit) const {
  auto head = this->domain(domain);
  if (head.code() == Code::NotFound) {
    head = record_of<DomainRecord>(*keys_, keys::removed_domain(domain), "domain " + domain.str());
  }
  if (!head.ok()) return head.status();
  // Why single reads: a scan runs upwards only, and callers want the newest few of a long history.
  for (std::uint64_t number = raw(head->last); number > 0; --number) {
    const std::string what = "commit " + std::to_string(number) + in_domain(domain);
    const auto record = record_of<HistoryRecord>(*keys_, keys::history(domain, Sequence{number}), what);
    if (record.code() == Code::NotFound) return {Code::Corrupt, "the history lacks " + what};
    if (!record.ok()) return record.status();
    if (!visit(*record)) return {};
  }
  return {};
}

}  // namespace modelfs
