#include "registry/placements.h"

#include <algorithm>
#include <set>

#include "base/path.h"
#include "catalog/keys.h"
#include "formats/modelstore_document.h"

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
    auto entry = drafts.tree().lookup(at, names[i]);
    if (entry.code() == Code::NotFound && makes) {
      const NewDraft fresh{FileType::Directory, {head.owner.uid, head.owner.gid, head.owner.mode & 07777}, ""};
      const auto made = drafts.tree().make(at, names[i], fresh);
      if (!made.ok() && made.code() != Code::AlreadyExists) return made.status();
      entry = drafts.tree().lookup(at, names[i]);
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
    return directory.ok() && !drafts.tree().lookup(*directory, name).ok() &&
           !stored.placement(domain, path, name).ok() &&
           (held.contains(raw(*directory)) || drafts.tree().hold_directory(*directory, batch).ok());
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

}  // namespace modelfs
