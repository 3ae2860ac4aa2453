// Typed reads of what exists in one KeyValueSnapshot.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "catalog/manifest.h"
#include "catalog/records.h"
#include "store/key_value_store.h"

namespace modelfs {

// A release or generation with its files.
struct Container {
  std::string domain;
  std::string version;
  Sequence release{};
  Generation generation{};  // 0: the release itself
  std::shared_ptr<const Manifest> manifest;
};

// Cheap to copy, safe for concurrent use. Every read answers NotFound for what does not exist (the message names it),
// Corrupt for a record that does not decode, IoError from the engine. `visit` callbacks return false to stop.
class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const KeyValueSnapshot> keys) : keys_(std::move(keys)) {}

  // The same snapshot for one request, on one thread: reads each key of the engine once, and keeps every value.
  Snapshot reading_once() const;

  Result<DomainRecord> domain(const DomainName& name) const;
  Result<ReleaseRecord> release(const DomainName& domain, std::string_view version) const;
  // The live release of the highest sequence.
  Result<ReleaseRecord> latest_release(const DomainName& domain) const;
  Result<ReleaseRecord> release_by_model_id(const DomainName& domain, std::string_view model_id) const;
  // A release in the trash, by its name there.
  Result<ReleaseRecord> removed(const DomainName& domain, std::string_view name) const;
  Result<TombstoneRecord> tombstone(const DomainName& domain, std::string_view version) const;
  // The directory of the release that was published last in the domain, even if it was removed since.
  Result<Ino> newest(const DomainName& domain) const;
  // By the path of a directory beneath the mount point. NotFound also for one of a release that is not live.
  Result<PlacementRecord> placement(const DomainName& domain, std::string_view directory, std::string_view name) const;
  Result<GenerationRecord> generation(const DomainName& domain, Sequence release, Generation number) const;
  Result<LabelRecord> label(const DomainName& domain, std::string_view name) const;
  // The release that a container is or belongs to, live or in the trash: it keeps its sequence there.
  Result<ReleaseRecord> release_of(const Container& container) const;
  // The name of a label that names the version; empty: there is none.
  Result<std::string> label_of(const DomainName& domain, std::string_view version) const;
  // The manifest of the release or generation whose directory has this number.
  Result<Container> container(Ino ino) const;
  // The metadata document of the release or generation whose directory has this number.
  Result<std::string> metadata(Ino ino) const;
  // The archive that the release or generation whose directory has this number was uploaded as.
  Result<ArchiveRecord> archive(Ino ino) const;
  // The recipe that rebuilds it: bytes of src/archive/recipe.h.
  Result<std::string> recipe(Ino ino) const;
  Result<BlobRecord> blob(const Digest& digest) const;

  // Domains that were removed and have left something behind.
  Status for_each_removed_domain(const std::function<bool(const DomainName&, const DomainRecord&)>& visit) const;
  Status for_each_domain(const std::function<bool(const DomainName&, const DomainRecord&)>& visit) const;
  Status for_each_release(const DomainName& domain, const std::function<bool(const ReleaseRecord&)>& visit) const;
  Status for_each_removed(const DomainName& domain,
                          const std::function<bool(std::string_view name, const ReleaseRecord&)>& visit) const;
  Status for_each_tombstone(const DomainName& domain,
                            const std::function<bool(std::string_view version, const TombstoneRecord&)>& visit) const;
  // Those in a directory, of live releases.
  Status for_each_placement(const DomainName& domain, std::string_view directory,
                            const std::function<bool(std::string_view name, const PlacementRecord&)>& visit) const;
  // All of a release.
  Status for_each_placement_of(Ino release, const std::function<bool(std::string_view directory, std::string_view name,
                                                                     const PlacementRecord&)>& visit) const;
  // Whether anything is placed in a directory, also of a release that is not live.
  Result<bool> has_placement_in(const DomainName& domain, std::string_view directory) const;
  // Whether anything is placed there, or in a directory below it.
  Result<bool> has_placement_beneath(const DomainName& domain, std::string_view directory) const;
  Status for_each_generation(const DomainName& domain, Sequence release,
                             const std::function<bool(const GenerationRecord&)>& visit) const;
  Status for_each_label(const DomainName& domain,
                        const std::function<bool(std::string_view name, const LabelRecord&)>& visit) const;
  // Newest first; also of a domain that was removed.
  Status for_each_history(const DomainName& domain, const std::function<bool(const HistoryRecord&)>& visit) const;

  const KeyValueSnapshot& keys() const { return *keys_; }
  // See KeyValueSnapshot::failure().
  Status failure() const { return keys_->failure(); }

 private:
  bool is_live(const PlacementRecord& placement) const;

  std::shared_ptr<const KeyValueSnapshot> keys_;
};

}  // namespace modelfs
