#include "registry/labels.h"

#include <string>
#include <vector>

#include "base/names.h"
#include "base/new_name.h"
#include "catalog/keys.h"
#include "formats/pep440.h"
#include "registry/deed.h"

namespace modelfs {
namespace {

Status check_reason(std::string_view reason) {
  if (reason.size() > Labels::kReasonBytesMax) {
    return {Code::InvalidArgument, "a reason has at most " + std::to_string(Labels::kReasonBytesMax) + " bytes"};
  }
  if (!is_utf8(reason) || reason.find('\0') != std::string_view::npos)
    return {Code::InvalidArgument, "a reason is text in UTF-8"};
  return {};
}

// The version that a label named before its last move. NotFound.
Result<std::string> version_before(const Snapshot& stored, const DomainName& domain, std::string_view label,
                                   const LabelRecord& current) {
  std::string found;
  const Status walked = stored.for_each_history(domain, [&](const HistoryRecord& record) {
    if (record.label != label || raw(record.sequence) > raw(current.sequence)) return true;
    // A label that was removed and made again comes after the version that it named when it was removed.
    const std::string& before = record.operation == Operation::RemoveLabel ? record.version : record.previous;
    if (before != current.version) found = before;
    return found.empty();
  });
  if (!walked.ok()) return walked;
  if (found.empty()) {
    return Status(Code::NotFound, domain.str() + "/" + printable(label) + " has named no other version than " +
                                      current.version + "; `modelfs log " + domain.str() + "/" + printable(label) +
                                      "` shows its moves");
  }
  return found;
}

// Adds to `batch` what takes a draft symlink out of the drafts, if it is still the one that was meant. NotFound.
Status retire_link(DraftStore& drafts, const DraftLink& draft, Batch& batch) {
  const auto there = drafts.tree().lookup(draft.directory, draft.name);
  if (!there.ok()) return there.status();
  if (there->ino != draft.ino) return {Code::NotFound, "'" + printable(draft.name) + "' was moved meanwhile"};
  batch.expect(keys::draft_entry(draft.directory, draft.name), there->encode());
  return drafts.reclaimer().retire_file(draft.directory, draft.name, draft.ino, batch);
}

Status label_exists(std::string_view label) {
  return {Code::AlreadyExists, "there is a label '" + printable(label) + "'"};
}

// Puts the label, and fills in what history says of that.
void put_label(const DomainName& domain, std::string_view label, const LabelRecord& record, const std::string& previous,
               HistoryRecord& history, Batch& batch) {
  history.version = record.version;
  history.label = label;
  history.previous = previous;
  batch.put(keys::label(domain, label), record.encode());
}

}  // namespace

Status Labels::check_free(const Snapshot& stored, const DomainRecord& head, const DomainName& domain,
                          std::string_view label) const {
  if (!stored.release(domain, label).ok() && !core_.drafts().tree().lookup(head.ino, label).ok()) return {};
  return {Code::AlreadyExists, "'" + printable(label) + "' is a version or a draft of " + domain.str()};
}

Result<LabelRecord> Labels::set(const DomainName& domain, std::string_view label, std::string_view version,
                                const Credentials& who, std::string_view reason) {
  return set_as(domain, label, who, {.version = version, .reason = reason});
}

Result<LabelRecord> Labels::roll_back(const DomainName& domain, std::string_view label, const Credentials& who,
                                      std::string_view reason) {
  return set_as(domain, label, who, {.goes_back = true, .reason = reason});
}

Result<LabelRecord> Labels::set_by_draft(const DomainName& domain, std::string_view label, const DraftLink& draft,
                                         bool replaces, const Credentials& who) {
  const auto inode = core_.drafts().tree().stat(draft.ino);
  if (!inode.ok()) return inode.status();
  const auto made =
      set_as(domain, label, who, {.version = inode->record.target, .draft = &draft, .replaces = replaces});
  if (made.ok()) core_.drafts().reclaimer().file_retired(draft.ino);
  return made;
}

Result<LabelRecord> Labels::set_as(const DomainName& domain, std::string_view label, const Credentials& who,
                                   const Move& move) {
  if (Status status = check_new_name(label); !status.ok()) return status;
  if (Status status = check_reason(move.reason); !status.ok()) return status;
  if (reads_as_pep440(label)) {
    return Status(Code::InvalidArgument,
                  "'" + printable(label) + "' reads as a version; a label needs a name like 'prod'");
  }
  const auto ino = core_.inos().take();
  if (!ino.ok()) return ino.status();
  LabelRecord record;
  const auto change = [&](const Snapshot& stored, DomainRecord& head, Batch& batch, Deed& deed) -> Status {
    const auto old = stored.label(domain, label);
    if (move.goes_back && !old.ok()) return old.status();
    auto version = move.goes_back ? version_before(stored, domain, label, *old) : std::string(move.version);
    if (!version.ok()) return version.status();
    if (!stored.release(domain, *version).ok()) {
      return {Code::InvalidArgument, "'" + printable(*version) + "' is not a published version of " + domain.str() +
                                         ", and a label names exactly one; `modelfs ls` lists them" +
                                         (move.goes_back ? ", and `modelfs restore` brings removed ones back" : "")};
    }
    if (Status status = check_free(stored, head, domain, label); !status.ok()) return status;
    if (old.ok() && !move.replaces) return label_exists(label);
    if (Status status = move.draft != nullptr ? retire_link(core_.drafts(), *move.draft, batch) : Status();
        !status.ok()) {
      return status;
    }
    if (old.ok() && old->version == *version) {
      record = *old;
      deed.history.clear();
      return {};
    }
    record = {*version, *ino, head.last, head.changed, who.uid};
    deed.history.front().reason = move.reason;
    put_label(domain, label, record, old.ok() ? old->version : "", deed.history.front(), batch);
    return {};
  };
  const Status status = do_deed(core_, domain, Operation::SetLabel, SpaceNeed::Grows, who, change);
  return status.ok() ? Result<LabelRecord>(record) : status;
}

Status Labels::remove(const DomainName& domain, std::string_view label, const Credentials& who,
                      std::string_view reason) {
  if (Status status = check_reason(reason); !status.ok()) return status;
  const auto change = [&](const Snapshot& stored, DomainRecord&, Batch& batch, Deed& deed) -> Status {
    const auto old = stored.label(domain, label);
    if (!old.ok()) return old.status();
    deed.history.front().version = old->version;
    deed.history.front().label = label;
    deed.history.front().reason = reason;
    batch.erase(keys::label(domain, label));
    return {};
  };
  return do_deed(core_, domain, Operation::RemoveLabel, SpaceNeed::Reclaims, who, change);
}

Status Labels::rename(const DomainName& domain, std::string_view from, std::string_view to, bool replaces,
                      const Credentials& who) {
  if (Status status = check_new_name(to); !status.ok()) return status;
  if (reads_as_pep440(to))
    return {Code::NotPermitted, "'" + printable(to) + "' reads as a version and cannot be a label"};
  const auto change = [&](const Snapshot& stored, DomainRecord& head, Batch& batch, Deed& deed) -> Status {
    auto moved = stored.label(domain, from);
    if (!moved.ok()) return moved.status();
    if (Status status = check_free(stored, head, domain, to); !status.ok()) return status;
    const auto old = stored.label(domain, to);
    if (old.ok() && !replaces) return label_exists(to);
    // The number goes along: the kernel has the moved link's node under the new name from now on.
    moved->sequence = head.last;
    moved->changed = head.changed;
    batch.erase(keys::label(domain, from));
    put_label(domain, to, *moved, old.ok() ? old->version : "", deed.history.front(), batch);
    return {};
  };
  return do_deed(core_, domain, Operation::SetLabel, SpaceNeed::Grows, who, change);
}

Status Labels::exchange(const DomainName& domain, std::string_view one, std::string_view other,
                        const Credentials& who) {
  const auto change = [&](const Snapshot& stored, DomainRecord& head, Batch& batch, Deed& deed) -> Status {
    const auto first = stored.label(domain, one);
    if (!first.ok()) return first.status();
    const auto second = stored.label(domain, other);
    if (!second.ok()) return second.status();
    // The numbers go along, as the kernel has it. History has an entry for each label, so two numbers are spent.
    deed.history.push_back(deed.history.front());
    LabelRecord of_one = *second;
    LabelRecord of_other = *first;
    of_one.sequence = head.last;
    head.last = deed.history.back().sequence = of_other.sequence = Sequence{raw(head.last) + 1};
    of_one.changed = of_other.changed = head.changed;
    put_label(domain, one, of_one, first->version, deed.history.front(), batch);
    put_label(domain, other, of_other, second->version, deed.history.back(), batch);
    return {};
  };
  return do_deed(core_, domain, Operation::SetLabel, SpaceNeed::Grows, who, change);
}

}  // namespace modelfs
