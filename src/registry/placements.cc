#include "registry/placements.h"

#include <algorithm>
#include <set>

#include "catalog/keys.h"
#include "registry/registry.h"

namespace modelfs {

Status put_placement(const DraftStore& drafts, Ino directory, std::string_view name, const PlacementRecord& placement,
                     Batch& batch) {
  if (Status status = drafts.hold_directory(directory, batch); !status.ok()) return status;
  batch.put(keys::placement(directory, name), placement.encode());
  batch.put(keys::placement_of(placement.release, directory, name), placement.encode());
  return {};
}

Status lift_placements(const Snapshot& stored, Ino release, Batch& batch) {
  return stored.for_each_placement_of(release, [&](Ino directory, std::string_view name, const PlacementRecord&) {
    batch.erase(keys::placement(directory, name));
    return true;
  });
}

Status replace_placements(const DraftStore& drafts, const Snapshot& stored, Ino release, Batch& batch) {
  std::set<std::uint64_t> held;
  return stored.for_each_placement_of(release, [&](Ino directory, std::string_view name, const PlacementRecord& each) {
    const bool is_taken = drafts.lookup(directory, name).ok() || stored.placement(directory, name).ok();
    const bool is_there = !is_taken && (held.contains(raw(directory)) || drafts.hold_directory(directory, batch).ok());
    if (is_there) {
      held.insert(raw(directory));
      batch.put(keys::placement(directory, name), each.encode());
    } else {
      batch.erase(keys::placement_of(release, directory, name));
    }
    return true;
  });
}

// The registry's verbs about them.

namespace {

constexpr std::string_view kJson = ".json";

void tell_of_state(Events& events, std::string_view what, const DomainName& domain, std::string_view version,
                   std::string_view state, const Credentials& who) {
  events.append(what, {{"domain", domain.str()},
                       {"version", std::string(version)},
                       {"state", std::string(state)},
                       {"by", user_name(who.uid)}});
}

}  // namespace

Status Registry::use_modelstore() {
  const auto known = engine_.keys->get(keys::kModelstoreInUse);
  if (known.ok() || known.code() != Code::NotFound) return known.status();
  Batch batch;
  batch.put(keys::kModelstoreInUse, "1");
  return engine_.keys->commit(batch, Durability::Buffered);
}

Status Registry::set_state(const DomainName& domain, std::string_view version, std::string_view state,
                           const Credentials& who) {
  if (Status status = check_name(state); !status.ok()) return status;
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  const auto head = stored->domain(domain);
  if (!head.ok()) return head.status();
  if (Status status = authorise(who, head->owner, Right::Publish, domain.str()); !status.ok()) return status;
  auto directory = drafts_->lookup(head->modelstore_versions(), state);
  if (directory.code() == Code::NotFound) {
    const NewDraft fresh{FileType::Directory, {who.uid, who.gid, head->owner.mode & 07777}, ""};
    const auto made = drafts_->make(head->modelstore_versions(), state, fresh);
    if (!made.ok() && made.code() != Code::AlreadyExists) return made.status();
    directory = drafts_->lookup(head->modelstore_versions(), state);
  }
  if (!directory.ok()) return directory.status();
  const auto changed = change_uncounted(
      domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord&, Batch& batch) -> Status {
        const auto release = now_stored.release(domain, version);
        if (!release.ok()) return release.status();
        const PlacementRecord placed{
            PlacementRecord::Kind::State, domain.str(), release->version, release->sequence, release->ino, ""};
        return put_placement(*drafts_, directory->ino, release->model_id + std::string(kJson), placed, batch);
      });
  if (changed.ok()) tell_of_state(events_, "state", domain, version, state, who);
  return changed.status();
}

Status Registry::clear_state(const DomainName& domain, std::string_view version, std::string_view state,
                             const Credentials& who) {
  const auto changed = change_uncounted(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        const auto release = now_stored.release(domain, version);
        if (!release.ok()) return release.status();
        const std::string name = release->model_id + std::string(kJson);
        const auto directory = drafts_->lookup(head.modelstore_versions(), state);
        if (!directory.ok() || !now_stored.placement(directory->ino, name).ok()) {
          return {Code::NotFound,
                  domain.str() + "/" + printable(version) + " is not in the state '" + printable(state) + "'"};
        }
        if (Status status = drafts_->hold_directory(directory->ino, batch); !status.ok()) return status;
        batch.erase(keys::placement(directory->ino, name));
        batch.erase(keys::placement_of(release->ino, directory->ino, name));
        return {};
      });
  if (changed.ok()) tell_of_state(events_, "state_cleared", domain, version, state, who);
  return changed.status();
}

Result<std::vector<std::pair<std::string, std::string>>> Registry::states(const DomainName& domain) const {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  const auto head = stored->domain(domain);
  if (!head.ok()) return head.status();
  const auto directories = drafts_->list(head->modelstore_versions());
  if (!directories.ok()) return directories.status();
  std::vector<std::pair<std::string, std::string>> found;
  for (const DraftName& each : *directories) {
    const Status status = stored->for_each_placement(each.ino, [&](std::string_view, const PlacementRecord& placed) {
      found.emplace_back(each.name, placed.version);
      return true;
    });
    if (!status.ok()) return status;
  }
  std::sort(found.begin(), found.end());
  return found;
}

Status Registry::drop_archive_placement(const DomainName& domain, std::string_view version, const Credentials& who) {
  const auto changed = change_uncounted(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        const auto release = now_stored.release(domain, version);
        if (!release.ok()) return release.status();
        return now_stored.for_each_placement_of(release->ino,
                                                [&](Ino directory, std::string_view name, const PlacementRecord& each) {
                                                  if (!each.is_upload()) return true;
                                                  // Where it was stays known: the release's removal comes next, and may
                                                  // be taken back.
                                                  batch.erase(keys::placement(directory, name));
                                                  return true;
                                                });
      });
  return changed.status();
}

Status Registry::forget_tombstone(const DomainName& domain, std::string_view version, const Credentials& who) {
  const auto changed = change_uncounted(
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
