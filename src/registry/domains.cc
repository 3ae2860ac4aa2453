#include "registry/domains.h"

#include <string>

#include "base/new_name.h"
#include "catalog/keys.h"
#include "registry/access.h"
#include "registry/deed_events.h"

namespace modelfs {

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
  head.last = Sequence{1};
  const std::string key = keys::domain(name);
  Batch batch;
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

Status Domains::prepare_removal(const DomainName& name, Batch& batch) {
  const auto stored = core_.snapshot();
  if (!stored.ok()) return stored.status();
  const std::string key = keys::domain(name);
  const auto value = stored->keys().get(key);
  if (value.code() == Code::NotFound) return {Code::NotFound, "no domain " + name.str()};
  if (!value.ok()) return value.status();
  const auto head = DomainRecord::decode(*value);
  if (!head.ok()) return head.status();
  std::string holds;
  struct Content {
    keys::Kind kind;
    const char* what;
  };
  for (const Content& content :
       {Content{keys::Kind::Release, "releases"}, Content{keys::Kind::Label, "labels"},
        Content{keys::Kind::Removed, "releases in its trash"},
        Content{keys::Kind::Tombstone, "tombstones of removed releases, which stay for ever"}}) {
    const std::string prefix = keys::in_domain(content.kind, name);
    const Status scanned = stored->keys().scan(prefix, "", [&](std::string_view, std::string_view) {
      holds = content.what;
      return false;
    });
    if (!scanned.ok()) return scanned;
    if (!holds.empty()) break;
  }
  for (const Ino place : {head->ino, stage_of(*head), head->uploads(), head->modelstore(), head->modelstore_versions(),
                          head->modelstore_deleted()}) {
    const auto drafts = core_.drafts().tree().list(place);
    if (!drafts.ok()) return drafts.status();
    if (!drafts->empty()) holds = "drafts ('" + printable(drafts->front().name) + "' is one)";
  }
  if (!holds.empty()) return {Code::NotEmpty, "domain " + name.str() + " has " + holds};
  batch.expect(key, *value);
  batch.erase(key);
  batch.erase_prefix(keys::in_domain(keys::Kind::History, name));
  return stored->failure();
}

Status Domains::remove(const DomainName& name, const Credentials& who) {
  Batch batch;
  if (Status status = prepare_removal(name, batch); !status.ok()) return status;
  const Status status = core_.keys().commit(batch, Durability::Durable, SpaceNeed::Reclaims);
  if (status.code() == Code::Conflict)
    return {Code::NotEmpty, "domain " + name.str() + " has just been published into"};
  if (!status.ok()) return status;
  core_.drafts().tree().touch_place(kRootIno);
  core_.tell_changed(kRootIno);
  core_.events().append("remove_domain", {{"domain", name.str()}, {"by", user_name(who.uid)}});
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
