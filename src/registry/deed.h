// The way of all verbs that a domain's history tells of, but for those that publish.
#pragma once
#include <functional>
#include <vector>

#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "catalog/records.h"
#include "registry/core.h"

namespace modelfs {

// What a verb says of itself.
struct Deed {
  // By who asked, of now, with the number of the commit; the verb fills in the rest. Where it adds more of them, it
  // counts their numbers up, and the domain's too. A verb that finds everything as it is to be takes them out: no
  // number is spent, and what it has in the batch is committed all the same.
  std::vector<HistoryRecord> history;
  Ino place = kNoIno;         // a directory whose attributes it changed, other than the domain's
  bool changes_names = true;  // in the domain's directory
};

// Judges `who` by the rights of the domain, lets `change` fill batch and deed, commits both with the domain's times,
// and tells of it. `change` must be repeatable. Statuses: as RegistryCore::change_domain(). Denied.
using DeedChange = std::function<Status(const Snapshot&, DomainRecord& head, Batch& batch, Deed& deed)>;
Status do_deed(RegistryCore& core, const DomainName& domain, Operation operation, SpaceNeed need,
               const Credentials& who, const DeedChange& change);

}  // namespace modelfs
