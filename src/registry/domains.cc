#include "registry/domains.h"

#include <optional>
#include <string>

#include "base/new_name.h"
#include "catalog/keys.h"
#include "registry/access.h"
#include "registry/deed_events.h"

namespace modelfs {
namespace {

Result<bool> has_any(const Snapshot& stored, keys::Kind kind, const DomainName& domain) {
  bool found = false;
  const Status scanned = stored.keys().scan(keys::in_domain(kind, domain), "", [&](std::string_view, std::string_view) {
    found = true;
    return false;
  });
  if (!scanned.ok()) return scanned;
  return found;
}

}  // namespace

Result<DomainRecord> Domains::find(const DomainName& name) const {
  const auto stored = core_.snapshot();
  return stored.ok() ? stored->domain(name) : stored.status();
}

Result<DomainRecord> Domains::create(const DomainName& name, const Ownership& owner, const Credentials& who) {
  if (Status status = check_new_name(name.str()); !status.ok()) return status;
  // Why the drafts are asked first and not in the batch: only the mount makes names in the root, and its kernel holds
  // the root's lock meanwhile.
  if (core_.drafts().tree().lookup(kRootIno, name.str()).ok()) {
    return Status(Code::AlreadyExists, "a draft lies under the name " + name.str());
  }
  const auto ino = core_.inos().take(DomainRecord::kInoBlock);
  if (!ino.ok()) return ino.status();
  DomainRecord head;
  head.ino = *ino;
  head.stage = stage_of(head);
  head.owner = owner;
  head.created = head.changed = head.status_changed = now();
  const std::string key = keys::domain(name);
  Batch batch;
  const auto last = take_up(name, who, batch);
  if (!last.ok()) return last.status();
  head.last = Sequence{raw(*last) + 1};
  batch.expect(key, std::nullopt);
  batch.put(key, head.encode());
  const HistoryRecord deed = make_history(Operation::CreateDomain, head.last, who);
  batch.put(keys::history(name, head.last), deed.encode());
  const Status status = core_.keys().commit(batch, Durability::Durable);
  if (status.code() == Code::Conflict) return Status(Code::AlreadyExists, "domain " + name.str() + " exists already");
  if (!status.ok()) return status;
  core_.drafts().tree().touch_place(kRootIno);
  core_.tell_changed(kRootIno);
  tell_deed(core_.events(), name, deed);
  return head;
}

Result<Sequence> Domains::take_up(const DomainName& name, const Credentials& who, Batch& batch) {
  const std::string key = keys::removed_domain(name);
  const auto value = core_.keys().get(key);
  batch.expect(key, value.ok() ? std::optional(*value) : std::nullopt);
  if (value.code() == Code::NotFound) return Sequence{};
  if (!value.ok()) return value.status();
  const auto before = DomainRecord::decode(*value);
  if (!before.ok()) return before.status();
  // Whoever else made it would see the trash and the history of what was closed to them.
  if (!authorise_owner(who, before->owner.uid, "").ok()) {
    return Status(Code::NotPermitted, "the domain " + name.str() +
                                          " was removed, and its history and trash are still " +
                                          user_name(before->owner.uid) + "'s; only " + user_name(before->owner.uid) +
                                          " or root may make it again");
  }
  batch.erase(key);
  return before->last;
}

Status Domains::check_empty(const Snapshot& stored, const DomainName& name, const DomainRecord& head) {
  std::string holds;
  struct Content {
    keys::Kind kind;
    const char* what;
  };
  for (const Content& content : {Content{keys::Kind::Release, "releases"}, Content{keys::Kind::Label, "labels"}}) {
    const auto has = has_any(stored, content.kind, name);
    if (!has.ok()) return has.status();
    if (*has && holds.empty()) holds = content.what;
  }
  for (const Ino place : {head.ino, stage_of(head), head.uploads(), head.modelstore(), head.modelstore_versions(),
                          head.modelstore_deleted()}) {
    const auto drafts = core_.drafts().tree().list(place);
    if (!drafts.ok()) return drafts.status();
    if (!drafts->empty()) holds = "drafts ('" + printable(drafts->front().name) + "' is one)";
  }
  return holds.empty() ? Status() : Status(Code::NotEmpty, "domain " + name.str() + " has " + holds);
}

Status Domains::prepare_removal(const DomainName& name, const Credentials& who, Batch& batch, HistoryRecord& deed) {
  const auto stored = core_.snapshot();
  if (!stored.ok()) return stored.status();
  const std::string key = keys::domain(name);
  const auto value = stored->keys().get(key);
  if (value.code() == Code::NotFound) return {Code::NotFound, "no domain " + name.str()};
  if (!value.ok()) return value.status();
  auto head = DomainRecord::decode(*value);
  if (!head.ok()) return head.status();
  if (Status status = check_empty(*stored, name, *head); !status.ok()) return status;
  // Whatever was published is gone from here by a removal, which leaves a tombstone.
  const auto leaves = has_any(*stored, keys::Kind::Tombstone, name);
  if (!leaves.ok()) return leaves.status();
  head->last = Sequence{raw(head->last) + 1};
  deed = make_history(Operation::RemoveDomain, head->last, who);
  batch.expect(key, *value);
  batch.erase(key);
  if (*leaves) {
    batch.put(keys::removed_domain(name), head->encode());
    batch.put(keys::history(name, head->last), deed.encode());
  } else {
    batch.erase_prefix(keys::in_domain(keys::Kind::History, name));
  }
  return stored->failure();
}

Status Domains::remove(const DomainName& name, const Credentials& who) {
  Batch batch;
  HistoryRecord deed;
  if (Status status = prepare_removal(name, who, batch, deed); !status.ok()) return status;
  const Status status = core_.keys().commit(batch, Durability::Durable, SpaceNeed::Reclaims);
  if (status.code() == Code::Conflict)
    return {Code::NotEmpty, "domain " + name.str() + " has just been published into"};
  if (!status.ok()) return status;
  core_.drafts().tree().touch_place(kRootIno);
  core_.tell_changed(kRootIno);
  tell_deed(core_.events(), name, deed);
  return status;
}

Result<DomainRecord> Domains::set_owner(const DomainName& name, const Ownership& owner, const Credentials& who) {
  auto changed =
      core_.change_uncounted(name, SpaceNeed::Reclaims, [&](const Snapshot&, DomainRecord& head, Batch&) -> Status {
        if (Status status = authorise_owner(who, head.owner.uid, name.str()); !status.ok()) return status;
        head.owner = owner;
        return {};
      });
  if (changed.ok()) core_.events().append("set_domain_owner", {{"domain", name.str()}, {"by", user_name(who.uid)}});
  return changed;
}

}  // namespace modelfs
