#include "registry/deed.h"

#include <memory>

#include "catalog/keys.h"
#include "registry/access.h"
#include "registry/deed_events.h"

namespace modelfs {

Status do_deed(RegistryCore& core, const DomainName& domain, Operation operation, SpaceNeed need,
               const Credentials& who, const DeedChange& change) {
  const auto deed = std::make_shared<Deed>();  // a commit that is Uncertain is known later
  bool is_nothing = false;
  const auto fill = [&](const Snapshot& stored, DomainRecord& head, Batch& batch) -> Status {
    if (Status status = authorise(who, head.owner, Right::Publish, domain.str()); !status.ok()) return status;
    *deed = {{make_history(operation, head.last, who)}};
    const DomainRecord before = head;
    head.changed = head.status_changed = deed->history.front().when;
    if (Status status = change(stored, head, batch, *deed); !status.ok()) return status;
    if (deed->history.empty() || !deed->changes_names) head.changed = before.changed;
    if (deed->history.empty()) head.last = Sequence{raw(head.last) - 1};
    is_nothing = deed->history.empty() && batch.puts.empty() && batch.erases.empty();
    if (is_nothing) return {Code::AlreadyExists, "it is so already"};
    for (const HistoryRecord& record : deed->history)
      batch.put(keys::history(domain, record.sequence), record.encode());
    return {};
  };
  const auto changed = core.change_domain(domain, need, fill, [&core, deed](bool took_place) {
    if (took_place && deed->place != kNoIno) core.tell_changed(deed->place);
  });
  if (is_nothing) return {};
  if (!changed.ok()) return changed.status();
  if (deed->place != kNoIno) core.tell_changed(deed->place);
  for (const HistoryRecord& record : deed->history) tell_deed(core.events(), domain, record);
  return {};
}

}  // namespace modelfs
