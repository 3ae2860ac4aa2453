#include "registry/trash.h"

#include <string>

#include "catalog/keys.h"
#include "registry/access.h"
#include "registry/deed_events.h"
#include "registry/placements.h"

namespace modelfs {
namespace {

Status no_release(const DomainName& domain, std::string_view version) {
  return {Code::NotFound, "no release " + printable(version) + " in " + domain.str()};
}

}  // namespace

Status Trash::remove(const DomainName& domain, std::string_view version, const Credentials& who) {
  Ino directory = kNoIno;
  HistoryRecord deed;
  const auto changed = core_.change_domain(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        auto release = now_stored.release(domain, version);
        if (release.code() == Code::NotFound) return no_release(domain, version);
        if (!release.ok()) return release.status();
        const auto label = now_stored.label_of(domain, version);
        if (!label.ok()) return label.status();
        if (!label->empty()) {
          return {Code::Busy, domain.str() + "/" + printable(version) + " is named by the label '" + *label +
                                  "'; move or remove the label first"};
        }
        HistoryRecord history = make_history(Operation::Remove, head.last, who);
        history.version = version;
        history.digest = release->digest;
        directory = release->ino;
        head.changed = head.status_changed = release->changed = history.when;
        // An older removal of the same name makes room and keeps everything it has.
        if (const auto older = now_stored.removed(domain, version); older.ok()) {
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
        if (Status status = lift_placements(domain, now_stored, release->ino, batch); !status.ok()) return status;
        batch.put(keys::history(domain, head.last), history.encode());
        deed = history;
        return {};
      });
  if (!changed.ok()) return changed.status();
  core_.tell_changed(directory);
  tell_deed(core_.events(), domain, deed);
  return {};
}

Status Trash::restore(const DomainName& domain, std::string_view trash_name, const Credentials& who) {
  std::string version;
  Ino directory = kNoIno;
  HistoryRecord deed;
  const auto changed = core_.change_domain(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        auto release = now_stored.removed(domain, trash_name);
        if (release.code() == Code::NotFound) {
          return {Code::NotFound, "no release " + printable(trash_name) + " in the trash of " + domain.str()};
        }
        if (!release.ok()) return release.status();
        version = release->version;
        directory = release->ino;
        const std::string taken = domain.str() + "/" + version + " cannot be restored: ";
        if (now_stored.release(domain, version).ok())
          return {Code::AlreadyExists, taken + "a live release has that name"};
        if (now_stored.label(domain, version).ok()) return {Code::AlreadyExists, taken + "a label has that name"};
        if (core_.drafts().tree().lookup(head.ino, version).ok())
          return {Code::AlreadyExists, taken + "a draft has that name"};
        HistoryRecord history = make_history(Operation::Restore, head.last, who);
        history.version = version;
        history.digest = release->digest;
        head.changed = head.status_changed = release->changed = history.when;
        batch.erase(keys::removed(domain, trash_name));
        batch.put(keys::release(domain, version), release->encode());
        batch.put(keys::by_sequence(domain, release->sequence), version);
        // Somebody else may have its model id by now.
        if (now_stored.release_by_model_id(domain, release->model_id).ok()) {
          return {Code::AlreadyExists, taken + "a live release has its model id"};
        }
        batch.put(keys::model_id(domain, release->model_id), version);
        if (Status status = replace_placements(domain, head, core_.drafts(), now_stored, release->ino, batch);
            !status.ok()) {
          return status;
        }
        batch.put(keys::history(domain, head.last), history.encode());
        deed = history;
        return {};
      });
  if (!changed.ok()) return changed.status();
  core_.tell_changed(directory);
  tell_deed(core_.events(), domain, deed);
  return {};
}

}  // namespace modelfs
