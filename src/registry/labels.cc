#include "registry/labels.h"

#include <string>
#include <vector>

#include "base/new_name.h"
#include "catalog/keys.h"
#include "formats/pep440.h"
#include "registry/access.h"
#include "registry/deed_events.h"

namespace modelfs {
namespace {

// `ln -sfn` makes its link under a name like this and renames it at once.
bool is_ln_temporary(std::string_view name) { return name.size() == 8 && name.starts_with("Cu"); }

// Adds to `batch` what takes a draft symlink out of the drafts, if it is still the one that was meant. NotFound.
Status retire_link(DraftStore& drafts, const DraftLink& draft, Batch& batch) {
  const auto there = drafts.tree().lookup(draft.directory, draft.name);
  if (!there.ok()) return there.status();
  if (there->ino != draft.ino) return {Code::NotFound, "'" + printable(draft.name) + "' was moved meanwhile"};
  batch.expect(keys::draft_entry(draft.directory, draft.name), there->encode());
  return drafts.reclaimer().retire_file(draft.directory, draft.name, draft.ino, batch);
}

}  // namespace

Result<LabelRecord> Labels::set(const DomainName& domain, std::string_view label, std::string_view version,
                                const Credentials& who) {
  return set_as(domain, label, version, who, nullptr, true);
}

Result<LabelRecord> Labels::set_by_draft(const DomainName& domain, std::string_view label, const DraftLink& draft,
                                         bool replaces, const Credentials& who) {
  const auto inode = core_.drafts().tree().stat(draft.ino);
  if (!inode.ok()) return inode.status();
  const auto made = set_as(domain, label, inode->record.target, who, &draft, replaces);
  if (made.ok()) core_.drafts().reclaimer().file_retired(draft.ino);
  return made;
}

Result<LabelRecord> Labels::set_as(const DomainName& domain, std::string_view label, std::string_view version,
                                   const Credentials& who, const DraftLink* draft, bool replaces) {
  if (Status status = check_new_name(label); !status.ok()) return status;
  if (reads_as_pep440(label)) {
    return Status(Code::InvalidArgument,
                  "'" + printable(label) + "' reads as a version; a label needs a name like 'prod'");
  }
  const auto ino = core_.inos().take();
  if (!ino.ok()) return ino.status();
  LabelRecord record;
  HistoryRecord deed;
  const auto changed = core_.change_domain(
      domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        if (!now_stored.release(domain, version).ok()) {
          return {Code::InvalidArgument, "'" + printable(version) + "' is not a published version of " + domain.str() +
                                             ", and a label names exactly one; `modelfs ls` lists them"};
        }
        if (now_stored.release(domain, label).ok() || core_.drafts().tree().lookup(head.ino, label).ok()) {
          return {Code::AlreadyExists, "'" + printable(label) + "' is a version or a draft of " + domain.str()};
        }
        const auto old = now_stored.label(domain, label);
        if (old.ok() && !replaces) return {Code::AlreadyExists, "there is a label '" + printable(label) + "'"};
        if (Status status = draft != nullptr ? retire_link(core_.drafts(), *draft, batch) : Status(); !status.ok()) {
          return status;
        }
        record = {std::string(version), *ino, head.last, now(), who.uid};
        head.changed = head.status_changed = record.changed;
        HistoryRecord history = make_history(Operation::SetLabel, head.last, who);
        history.version = version;
        history.label = label;
        history.previous = old.ok() ? old->version : "";
        batch.put(keys::label(domain, label), record.encode());
        batch.put(keys::history(domain, head.last), history.encode());
        deed = history;
        return {};
      });
  if (!changed.ok()) return changed.status();
  if (!is_ln_temporary(label)) tell_deed(core_.events(), domain, deed);
  return record;
}

Status Labels::remove(const DomainName& domain, std::string_view label, const Credentials& who) {
  HistoryRecord deed;
  const auto changed = core_.change_domain(
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
        deed = history;
        return {};
      });
  if (!changed.ok()) return changed.status();
  if (!is_ln_temporary(label)) tell_deed(core_.events(), domain, deed);
  return {};
}

Status Labels::rename(const DomainName& domain, std::string_view from, std::string_view to, bool replaces,
                      const Credentials& who) {
  if (Status status = check_new_name(to); !status.ok()) return status;
  if (reads_as_pep440(to))
    return {Code::NotPermitted, "'" + printable(to) + "' reads as a version and cannot be a label"};
  HistoryRecord deed;
  const auto changed = core_.change_domain(
      domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        auto moved = now_stored.label(domain, from);
        if (!moved.ok()) return moved.status();
        if (now_stored.release(domain, to).ok() || core_.drafts().tree().lookup(head.ino, to).ok()) {
          return {Code::AlreadyExists, "'" + printable(to) + "' is a version or a draft of " + domain.str()};
        }
        const auto old = now_stored.label(domain, to);
        if (old.ok() && !replaces) return {Code::AlreadyExists, "there is a label '" + printable(to) + "'"};
        // The number goes along: the kernel has the moved link's node under the new name from now on.
        moved->sequence = head.last;
        moved->changed = now();
        head.changed = head.status_changed = moved->changed;
        HistoryRecord history = make_history(Operation::SetLabel, head.last, who);
        history.version = moved->version;
        history.label = to;
        history.previous = old.ok() ? old->version : "";
        batch.erase(keys::label(domain, from));
        batch.put(keys::label(domain, to), moved->encode());
        batch.put(keys::history(domain, head.last), history.encode());
        deed = history;
        return {};
      });
  if (!changed.ok()) return changed.status();
  tell_deed(core_.events(), domain, deed);
  return {};
}

Status Labels::exchange(const DomainName& domain, std::string_view one, std::string_view other,
                        const Credentials& who) {
  LabelRecord of_one;
  LabelRecord of_other;
  std::vector<HistoryRecord> deeds;
  const auto changed = core_.change_domain(
      domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
        const auto first = now_stored.label(domain, one);
        if (!first.ok()) return first.status();
        const auto second = now_stored.label(domain, other);
        if (!second.ok()) return second.status();
        // The numbers go along, as the kernel has it. History has an entry for each label, so two numbers are spent.
        of_one = *second;
        of_other = *first;
        deeds.clear();
        const auto put = [&](std::string_view label, LabelRecord& record, const std::string& previous) {
          record.sequence = head.last;
          record.changed = now();
          HistoryRecord history = make_history(Operation::SetLabel, head.last, who);
          history.version = record.version;
          history.label = label;
          history.previous = previous;
          batch.put(keys::label(domain, label), record.encode());
          batch.put(keys::history(domain, head.last), history.encode());
          deeds.push_back(history);
        };
        put(one, of_one, first->version);
        head.last = Sequence{raw(head.last) + 1};
        put(other, of_other, second->version);
        head.changed = head.status_changed = of_other.changed;
        return {};
      });
  if (!changed.ok()) return changed.status();
  for (const HistoryRecord& deed : deeds) tell_deed(core_.events(), domain, deed);
  return {};
}

}  // namespace modelfs
