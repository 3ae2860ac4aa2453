#include "registry/model_states.h"

#include <algorithm>

#include "catalog/keys.h"
#include "formats/modelstore_document.h"
#include "registry/access.h"
#include "registry/deed.h"
#include "registry/domains.h"
#include "registry/placements.h"

namespace modelfs {
namespace {

constexpr std::string_view kJson = ".json";

// What history says of a state. In the domain's own directory no name changes.
void fill_deed(Deed& deed, const ReleaseRecord& release, std::string_view state) {
  deed.history.front().version = release.version;
  deed.history.front().state = state;
  deed.changes_names = false;
}

}  // namespace

Status ModelStates::use_modelstore() {
  const auto known = core_.keys().get(keys::kModelstoreInUse);
  if (known.ok() || known.code() != Code::NotFound) return known.status();
  Batch batch;
  batch.put(keys::kModelstoreInUse, "1");
  return core_.keys().commit(batch, Durability::Buffered);
}

Status ModelStates::set(const DomainName& domain, std::string_view version, std::string_view state,
                        const Credentials& who) {
  if (Status status = check_name(state); !status.ok()) return status;
  const auto head = Domains(core_).find(domain);
  if (!head.ok()) return head.status();
  if (Status status = authorise(who, head->owner, Right::Publish, domain.str()); !status.ok()) return status;
  auto directory = core_.drafts().tree().lookup(head->modelstore_versions(), state);
  if (directory.code() == Code::NotFound) {
    const NewDraft fresh{FileType::Directory, {who.uid, who.gid, head->owner.mode & 07777}, ""};
    const auto made = core_.drafts().tree().make(head->modelstore_versions(), state, fresh);
    if (!made.ok() && made.code() != Code::AlreadyExists) return made.status();
    directory = core_.drafts().tree().lookup(head->modelstore_versions(), state);
  }
  if (!directory.ok()) return directory.status();
  return do_deed(core_, domain, Operation::SetState, SpaceNeed::Grows, who,
                 [&](const Snapshot& now_stored, DomainRecord&, Batch& batch, Deed& deed) -> Status {
                   const auto release = now_stored.release(domain, version);
                   if (!release.ok()) return release.status();
                   const PlacementRecord placed{PlacementRecord::Kind::State, domain.str(), release->version,
                                                release->sequence, release->ino};
                   const std::string path = state_directory(domain, state);
                   const std::string name = release->model_id + std::string(kJson);
                   if (const auto there = now_stored.placement(domain, path, name);
                       there.ok() && there->release == release->ino) {
                     deed.history.clear();
                     return {};
                   }
                   if (Status status = core_.drafts().tree().hold_directory(directory->ino, batch); !status.ok())
                     return status;
                   fill_deed(deed, *release, state);
                   put_placement(domain, path, name, placed, batch);
                   return {};
                 });
}

Status ModelStates::clear(const DomainName& domain, std::string_view version, std::string_view state,
                          const Credentials& who) {
  return do_deed(core_, domain, Operation::ClearState, SpaceNeed::Reclaims, who,
                 [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch, Deed& deed) -> Status {
                   const auto release = now_stored.release(domain, version);
                   if (!release.ok()) return release.status();
                   const std::string name = release->model_id + std::string(kJson);
                   const auto directory = core_.drafts().tree().lookup(head.modelstore_versions(), state);
                   const std::string path = state_directory(domain, state);
                   if (!directory.ok() || !now_stored.placement(domain, path, name).ok()) {
                     return {Code::NotFound, domain.str() + "/" + printable(version) + " is not in the state '" +
                                                 printable(state) + "'"};
                   }
                   if (Status status = core_.drafts().tree().hold_directory(directory->ino, batch); !status.ok())
                     return status;
                   batch.erase(keys::placement(domain, path, name));
                   batch.erase(keys::placement_of(release->ino, path, name));
                   fill_deed(deed, *release, state);
                   return {};
                 });
}

Result<std::vector<std::pair<std::string, std::string>>> ModelStates::list(const DomainName& domain) const {
  const auto stored = core_.snapshot();
  if (!stored.ok()) return stored.status();
  const auto head = stored->domain(domain);
  if (!head.ok()) return head.status();
  const auto directories = core_.drafts().tree().list(head->modelstore_versions());
  if (!directories.ok()) return directories.status();
  std::vector<std::pair<std::string, std::string>> found;
  for (const DraftName& each : *directories) {
    const Status status = stored->for_each_placement(domain, state_directory(domain, each.name),
                                                     [&](std::string_view, const PlacementRecord& placed) {
                                                       found.emplace_back(each.name, placed.version);
                                                       return true;
                                                     });
    if (!status.ok()) return status;
  }
  std::sort(found.begin(), found.end());
  return found;
}

Status ModelStates::drop_archive(const DomainName& domain, std::string_view version, const Credentials& who) {
  const auto changed = core_.change_uncounted(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        const auto release = now_stored.release(domain, version);
        if (!release.ok()) return release.status();
        return now_stored.for_each_placement_of(
            release->ino, [&](std::string_view directory, std::string_view name, const PlacementRecord& each) {
              // Where it was stays known: the release's removal comes next, and may be taken back.
              if (each.is_upload()) batch.erase(keys::placement(domain, directory, name));
              return true;
            });
      });
  return changed.status();
}

Status ModelStates::forget_tombstone(const DomainName& domain, std::string_view version, const Credentials& who) {
  const auto changed = core_.change_uncounted(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        auto tombstone = now_stored.tombstone(domain, version);
        if (!tombstone.ok()) return tombstone.status();
        tombstone->is_forgotten = true;
        batch.put(keys::tombstone(domain, version), tombstone->encode());
        return {};
      });
  return changed.status();
}

}  // namespace modelfs
