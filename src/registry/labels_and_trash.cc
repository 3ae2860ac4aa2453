// What happens to releases after they were published: labels, removal, restoring.
#include "base/new_name.h"
#include "catalog/keys.h"
#include "formats/pep440.h"
#include "registry/placements.h"
#include "registry/registry.h"

namespace modelfs {
namespace {

// `ln -sfn` makes its link under a name like this and renames it at once.
bool is_ln_temporary(std::string_view name) { return name.size() == 8 && name.starts_with("Cu"); }

Status no_release(const DomainName& domain, std::string_view version) {
  return {Code::NotFound, "no release " + printable(version) + " in " + domain.str()};
}

// Label of `domain` that names `version`, or empty.
Result<std::string> label_of(const Snapshot& snapshot, const DomainName& domain, std::string_view version) {
  std::string found;
  const Status status = snapshot.for_each_label(domain, [&](std::string_view name, const LabelRecord& record) {
    if (record.version == version) found = name;
    return found.empty();
  });
  if (!status.ok()) return status;
  return found;
}

// Adds to `batch` what takes a draft symlink out of the drafts, if it is still the one that was meant. NotFound.
Status retire_link(DraftStore& drafts, const DraftLink& draft, Batch& batch) {
  const auto there = drafts.lookup(draft.directory, draft.name);
  if (!there.ok()) return there.status();
  if (there->ino != draft.ino) return {Code::NotFound, "'" + printable(draft.name) + "' was moved meanwhile"};
  batch.expect(keys::draft_entry(draft.directory, draft.name), there->encode());
  return drafts.retire_file(draft.directory, draft.name, draft.ino, batch);
}

}  // namespace

Result<LabelRecord> Registry::set_label(const DomainName& domain, std::string_view label, std::string_view version,
                                        const Credentials& who) {
  return set_label(domain, label, version, who, nullptr, true);
}

Result<LabelRecord> Registry::set_label_by_draft(const DomainName& domain, std::string_view label,
                                                 const DraftLink& draft, bool replaces, const Credentials& who) {
  const auto inode = drafts_->stat(draft.ino);
  if (!inode.ok()) return inode.status();
  const auto made = set_label(domain, label, inode->record.target, who, &draft, replaces);
  if (made.ok()) drafts_->file_retired(draft.ino);
  return made;
}

Result<LabelRecord> Registry::set_label(const DomainName& domain, std::string_view label, std::string_view version,
                                        const Credentials& who, const DraftLink* draft, bool replaces) {
  if (Status status = check_new_name(label); !status.ok()) return status;
  if (reads_as_pep440(label)) {
    return Status(Code::InvalidArgument,
                  "'" + printable(label) + "' reads as a version; a label needs a name like 'prod'");
  }
  const auto ino = inos_.take();
  if (!ino.ok()) return ino.status();
  LabelRecord record;
  std::string previous;
  const auto changed = change_domain(
      domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        if (!now_stored.release(domain, version).ok()) {
          return {Code::InvalidArgument, "a label names exactly one live version of " + domain.str() +
                                             ", such as '1.2.0'; '" + printable(version) + "' is none"};
        }
        if (now_stored.release(domain, label).ok() || drafts_->lookup(head.ino, label).ok()) {
          return {Code::AlreadyExists, "'" + printable(label) + "' is a version or a draft of " + domain.str()};
        }
        const auto old = now_stored.label(domain, label);
        if (old.ok() && !replaces) return {Code::AlreadyExists, "there is a label '" + printable(label) + "'"};
        if (Status status = draft != nullptr ? retire_link(*drafts_, *draft, batch) : Status(); !status.ok()) {
          return status;
        }
        previous = old.ok() ? old->version : "";
        record = {std::string(version), *ino, head.last, now(), who.uid};
        head.changed = head.status_changed = record.changed;
        HistoryRecord history = make_history(Operation::SetLabel, head.last, who);
        history.version = version;
        history.label = label;
        history.previous = previous;
        batch.put(keys::label(domain, label), record.encode());
        batch.put(keys::history(domain, head.last), history.encode());
        return {};
      });
  if (!changed.ok()) return changed.status();
  if (!is_ln_temporary(label)) {
    events_.append("label", {{"domain", domain.str()},
                             {"label", std::string(label)},
                             {"version", std::string(version)},
                             {"previous", previous},
                             {"by", user_name(who.uid)}});
  }
  return record;
}

Status Registry::remove_label(const DomainName& domain, std::string_view label, const Credentials& who) {
  const auto changed = change_domain(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        const auto old = now_stored.label(domain, label);
        if (!old.ok()) return old.status();
        HistoryRecord history = make_history(Operation::RemoveLabel, head.last, who);
        history.version = old->version;
        history.label = label;
        head.changed = head.status_changed = history.when;
        batch.erase(keys::label(domain, label));
        batch.put(keys::history(domain, head.last), history.encode());
        return {};
      });
  if (!changed.ok()) return changed.status();
  if (!is_ln_temporary(label)) {
    events_.append("label_removed",
                   {{"domain", domain.str()}, {"label", std::string(label)}, {"by", user_name(who.uid)}});
  }
  return {};
}

Status Registry::rename_label(const DomainName& domain, std::string_view from, std::string_view to, bool replaces,
                              const Credentials& who) {
  if (Status status = check_new_name(to); !status.ok()) return status;
  if (reads_as_pep440(to))
    return {Code::NotPermitted, "'" + printable(to) + "' reads as a version and cannot be a label"};
  std::string version;
  std::string previous;
  const auto changed = change_domain(
      domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        auto moved = now_stored.label(domain, from);
        if (!moved.ok()) return moved.status();
        if (now_stored.release(domain, to).ok() || drafts_->lookup(head.ino, to).ok()) {
          return {Code::AlreadyExists, "'" + printable(to) + "' is a version or a draft of " + domain.str()};
        }
        const auto old = now_stored.label(domain, to);
        if (old.ok() && !replaces) return {Code::AlreadyExists, "there is a label '" + printable(to) + "'"};
        version = moved->version;
        previous = old.ok() ? old->version : "";
        // The number goes along: the kernel has the moved link's node under the new name from now on.
        moved->sequence = head.last;
        moved->changed = now();
        head.changed = head.status_changed = moved->changed;
        HistoryRecord history = make_history(Operation::SetLabel, head.last, who);
        history.version = version;
        history.label = to;
        history.previous = previous;
        batch.erase(keys::label(domain, from));
        batch.put(keys::label(domain, to), moved->encode());
        batch.put(keys::history(domain, head.last), history.encode());
        return {};
      });
  if (!changed.ok()) return changed.status();
  events_.append("label", {{"domain", domain.str()},
                           {"label", std::string(to)},
                           {"version", version},
                           {"previous", previous},
                           {"by", user_name(who.uid)}});
  return {};
}

Status Registry::exchange_labels(const DomainName& domain, std::string_view one, std::string_view other,
                                 const Credentials& who) {
  LabelRecord of_one;
  LabelRecord of_other;
  const auto changed = change_domain(
      domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        const auto first = now_stored.label(domain, one);
        if (!first.ok()) return first.status();
        const auto second = now_stored.label(domain, other);
        if (!second.ok()) return second.status();
        // The numbers go along, as the kernel has it. History has an entry for each label, so two numbers are spent.
        of_one = *second;
        of_other = *first;
        const auto put = [&](std::string_view label, LabelRecord& record, const std::string& previous) {
          record.sequence = head.last;
          record.changed = now();
          HistoryRecord history = make_history(Operation::SetLabel, head.last, who);
          history.version = record.version;
          history.label = label;
          history.previous = previous;
          batch.put(keys::label(domain, label), record.encode());
          batch.put(keys::history(domain, head.last), history.encode());
        };
        put(one, of_one, first->version);
        head.last = Sequence{raw(head.last) + 1};
        put(other, of_other, second->version);
        head.changed = head.status_changed = of_other.changed;
        return {};
      });
  if (!changed.ok()) return changed.status();
  const auto tell = [&](std::string_view label, const std::string& version, const std::string& previous) {
    events_.append("label", {{"domain", domain.str()},
                             {"label", std::string(label)},
                             {"version", version},
                             {"previous", previous},
                             {"by", user_name(who.uid)}});
  };
  tell(one, of_one.version, of_other.version);
  tell(other, of_other.version, of_one.version);
  return {};
}

Status Registry::remove_release(const DomainName& domain, std::string_view version, const Credentials& who) {
  Digest digest;
  Ino directory = kNoIno;
  const auto changed = change_domain(
      domain, SpaceNeed::Reclaims, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        auto release = now_stored.release(domain, version);
        if (release.code() == Code::NotFound) return no_release(domain, version);
        if (!release.ok()) return release.status();
        const auto label = label_of(now_stored, domain, version);
        if (!label.ok()) return label.status();
        if (!label->empty()) {
          return {Code::Busy, domain.str() + "/" + printable(version) + " is named by the label '" + *label +
                                  "'; move or remove the label first"};
        }
        HistoryRecord history = make_history(Operation::Remove, head.last, who);
        history.version = version;
        history.digest = digest = release->digest;
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
        return {};
      });
  if (!changed.ok()) return changed.status();
  tell_changed(directory);
  events_.append("removed", {{"domain", domain.str()},
                             {"version", std::string(version)},
                             {"digest", digest.hex()},
                             {"by", user_name(who.uid)}});
  return {};
}

Status Registry::restore_release(const DomainName& domain, std::string_view trash_name, const Credentials& who) {
  std::string version;
  Ino directory = kNoIno;
  const auto changed = change_domain(
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
        if (drafts_->lookup(head.ino, version).ok()) return {Code::AlreadyExists, taken + "a draft has that name"};
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
        if (Status status = replace_placements(domain, head, *drafts_, now_stored, release->ino, batch); !status.ok()) {
          return status;
        }
        batch.put(keys::history(domain, head.last), history.encode());
        return {};
      });
  if (!changed.ok()) return changed.status();
  tell_changed(directory);
  events_.append("restored", {{"domain", domain.str()}, {"version", version}, {"by", user_name(who.uid)}});
  return {};
}

}  // namespace modelfs
