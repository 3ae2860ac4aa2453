#include "registry/trash.h"

#include <string>

#include "catalog/keys.h"
#include "registry/deed.h"
#include "registry/placements.h"

namespace modelfs {
namespace {

Status no_release(const DomainName& domain, std::string_view version) {
  return {Code::NotFound, "no release " + printable(version) + " in " + domain.str()};
}

}  // namespace

Status Trash::remove(const DomainName& domain, std::string_view version, const Credentials& who) {
  return remove_if(domain, version, who, [](const Snapshot&, const ReleaseRecord&) { return Status(); });
}

Status Trash::remove_unheld(const DomainName& domain, std::string_view version, const Credentials& who) {
  const auto check = [&domain](const Snapshot& stored, const ReleaseRecord& release) -> Status {
    const std::string what = domain.str() + "/" + release.version;
    const auto latest = stored.latest_release(domain);
    if (!latest.ok()) return latest.status();
    if (latest->version == release.version) return {Code::Busy, what + " is the latest release"};
    bool is_in_state = false;
    const Status walked = stored.for_each_placement_of(
        release.ino, [&](std::string_view, std::string_view, const PlacementRecord& placed) {
          is_in_state = is_in_state || !placed.is_upload();
          return !is_in_state;
        });
    if (walked.ok() && is_in_state) return {Code::Busy, what + " is in a state"};
    return walked;
  };
  return remove_if(domain, version, who, check);
}

Status Trash::remove_if(const DomainName& domain, std::string_view version, const Credentials& who,
                        const Check& check) {
  const auto change = [&](const Snapshot& stored, DomainRecord& head, Batch& batch, Deed& deed) -> Status {
    auto release = stored.release(domain, version);
    if (release.code() == Code::NotFound) return no_release(domain, version);
    if (!release.ok()) return release.status();
    if (Status status = check(stored, *release); !status.ok()) return status;
    const auto label = stored.label_of(domain, version);
    if (!label.ok()) return label.status();
    if (!label->empty()) {
      return {Code::Busy, domain.str() + "/" + printable(version) + " is named by the label '" + *label +
                              "'; move or remove the label first"};
    }
    HistoryRecord& history = deed.history.front();
    history.version = version;
    history.digest = release->digest;
    deed.place = release->ino;
    release->changed = history.when;
    // An older removal of the same name makes room and keeps everything it has.
    if (const auto older = stored.removed(domain, version); older.ok()) {
      const std::string numbered = older->version + ".~" + std::to_string(raw(older->sequence)) + "~";
      batch.put(keys::removed(domain, numbered), older->encode());
    }
    batch.erase(keys::release(domain, version));
    batch.erase(keys::by_sequence(domain, release->sequence));
    batch.erase(keys::model_id(domain, release->model_id));
    batch.put(keys::removed(domain, version), release->encode());
    const TombstoneRecord tombstone{head.last,    release->digest, history.when,           release->model_id,
                                    release->ino, release->faces,  release->metadata_given};
    batch.put(keys::tombstone(domain, version), tombstone.encode());
    return lift_placements(domain, stored, release->ino, batch);
  };
  return do_deed(core_, domain, Operation::Remove, SpaceNeed::Reclaims, who, change);
}

Status Trash::restore(const DomainName& domain, std::string_view trash_name, const Credentials& who) {
  const auto change = [&](const Snapshot& stored, DomainRecord& head, Batch& batch, Deed& deed) -> Status {
    auto release = stored.removed(domain, trash_name);
    if (release.code() == Code::NotFound) {
      return {Code::NotFound, "no release " + printable(trash_name) + " in the trash of " + domain.str()};
    }
    if (!release.ok()) return release.status();
    const std::string& version = release->version;
    const std::string taken = domain.str() + "/" + version + " cannot be restored: ";
    if (stored.release(domain, version).ok()) return {Code::AlreadyExists, taken + "a live release has that name"};
    if (stored.label(domain, version).ok()) return {Code::AlreadyExists, taken + "a label has that name"};
    if (core_.drafts().tree().lookup(head.ino, version).ok())
      return {Code::AlreadyExists, taken + "a draft has that name"};
    // Somebody else may have its model id by now.
    if (stored.release_by_model_id(domain, release->model_id).ok()) {
      return {Code::AlreadyExists, taken + "a live release has its model id"};
    }
    HistoryRecord& history = deed.history.front();
    history.version = version;
    history.digest = release->digest;
    deed.place = release->ino;
    release->changed = history.when;
    batch.erase(keys::removed(domain, trash_name));
    batch.put(keys::release(domain, version), release->encode());
    batch.put(keys::by_sequence(domain, release->sequence), version);
    batch.put(keys::model_id(domain, release->model_id), version);
    return replace_placements(domain, head, core_.drafts(), stored, release->ino, batch);
  };
  return do_deed(core_, domain, Operation::Restore, SpaceNeed::Reclaims, who, change);
}

}  // namespace modelfs
