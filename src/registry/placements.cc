#include "registry/placements.h"

#include <algorithm>
#include <set>

#include "base/path.h"
#include "catalog/keys.h"
#include "formats/modelstore_document.h"
#include "registry/registry.h"

namespace modelfs {

namespace {

constexpr std::string_view kVersions = "versions";

// The draft directory of that path beneath the mount point; `makes`: also where it was removed since. NotFound: there
// is none, or cannot be.
Result<Ino> directory_at(const DomainName& domain, const DomainRecord& head, DraftStore& drafts, std::string_view path,
                         bool makes) {
  const auto names = split_path(path);
  const bool is_modelstores = !names.empty() && names[0] == kModelstoreName;
  const std::size_t above = is_modelstores ? 2 : 1;  // how many names lead to the domain's place
  if (names.size() < above || names[above - 1] != domain.str()) return Status(Code::NotFound, "of another domain");
  Ino at = is_modelstores ? head.modelstore() : head.ino;
  for (std::size_t i = above; i < names.size(); ++i) {
    if (is_modelstores && i == above && names[i] == kVersions) {
      at = head.modelstore_versions();
      continue;
    }
    auto entry = drafts.lookup(at, names[i]);
    if (entry.code() == Code::NotFound && makes) {
      const NewDraft fresh{FileType::Directory, {head.owner.uid, head.owner.gid, head.owner.mode & 07777}, ""};
      const auto made = drafts.make(at, names[i], fresh);
      if (!made.ok() && made.code() != Code::AlreadyExists) return made.status();
      entry = drafts.lookup(at, names[i]);
    }
    if (!entry.ok()) return entry.status();
    if (entry->type != FileType::Directory) return Status(Code::NotFound, "no directory");
    at = entry->ino;
  }
  return at;
}

}  // namespace

std::string state_directory(const DomainName& domain, std::string_view state) {
  std::string path(kModelstoreName);
  return path.append("/").append(domain.str()).append("/").append(kVersions).append("/").append(state);
}

void put_placement(const DomainName& domain, std::string_view directory, std::string_view name,
                   const PlacementRecord& placement, Batch& batch) {
  batch.put(keys::placement(domain, directory, name), placement.encode());
  batch.put(keys::placement_of(placement.release, directory, name), placement.encode());
}

Status lift_placements(const DomainName& domain, const Snapshot& stored, Ino release, Batch& batch) {
  return stored.for_each_placement_of(release,
                                      [&](std::string_view directory, std::string_view name, const PlacementRecord&) {
                                        batch.erase(keys::placement(domain, directory, name));
                                        return true;
                                      });
}

Status replace_placements(const DomainName& domain, const DomainRecord& head, DraftStore& drafts,
                          const Snapshot& stored, Ino release, Batch& batch) {
  std::set<std::uint64_t> held;
  const auto is_free = [&](const Result<Ino>& directory, std::string_view path, std::string_view name) {
    return directory.ok() && !drafts.lookup(*directory, name).ok() && !stored.placement(domain, path, name).ok() &&
           (held.contains(raw(*directory)) || drafts.hold_directory(*directory, batch).ok());
  };
  return stored.for_each_placement_of(
      release, [&](std::string_view path, std::string_view name, const PlacementRecord& each) {
        // A state that nobody wants any more is not brought back by a model that was in it.
        const auto directory = directory_at(domain, head, drafts, path, each.is_upload());
        if (is_free(directory, path, name)) {
          held.insert(raw(*directory));
          batch.put(keys::placement(domain, path, name), each.encode());
        } else {
          batch.erase(keys::placement_of(release, path, name));
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
        const PlacementRecord placed{PlacementRecord::Kind::State, domain.str(), release->version, release->sequence,
                                     release->ino};
        if (Status status = drafts_->hold_directory(directory->ino, batch); !status.ok()) return status;
        put_placement(domain, state_directory(domain, state), release->model_id + std::string(kJson), placed, batch);
        return {};
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
        const std::string path = state_directory(domain, state);
        if (!directory.ok() || !now_stored.placement(domain, path, name).ok()) {
          return {Code::NotFound,
                  domain.str() + "/" + printable(version) + " is not in the state '" + printable(state) + "'"};
        }
        if (Status status = drafts_->hold_directory(directory->ino, batch); !status.ok()) return status;
        batch.erase(keys::placement(domain, path, name));
        batch.erase(keys::placement_of(release->ino, path, name));
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

Status Registry::drop_archive_placement(const DomainName& domain, std::string_view version, const Credentials& who) {
  const auto changed = change_uncounted(
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
