// What is in a domain's history, as `events` tells it: by the names that `modelfs log --json` uses.
#pragma once
#include "catalog/records.h"
#include "registry/events.h"

namespace modelfs {

// domain, sequence, by, and of version, generation, label, previous and digest those that the deed has.
Events::Fields fields_of_deed(const DomainName& domain, const HistoryRecord& deed);

void tell_deed(Events& events, const DomainName& domain, const HistoryRecord& deed);

}  // namespace modelfs
