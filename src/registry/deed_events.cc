#include "registry/deed_events.h"

namespace modelfs {

Events::Fields fields_of_deed(const DomainName& domain, const HistoryRecord& deed) {
  Events::Fields fields{{"domain", domain.str()}, {"sequence", raw(deed.sequence)}};
  if (!deed.version.empty()) fields.emplace_back("version", deed.version);
  if (deed.generation != kNoGeneration) fields.emplace_back("generation", raw(deed.generation));
  if (!deed.label.empty()) fields.emplace_back("label", deed.label);
  if (!deed.previous.empty()) fields.emplace_back("previous", deed.previous);
  if (!deed.state.empty()) fields.emplace_back("state", deed.state);
  if (!deed.reason.empty()) fields.emplace_back("reason", deed.reason);
  if (deed.digest) fields.emplace_back("digest", digest_text(*deed.digest));
  fields.emplace_back("by", deed.who);
  if (!deed.host.empty()) fields.emplace_back("host", deed.host);
  return fields;
}

void tell_deed(Events& events, const DomainName& domain, const HistoryRecord& deed) {
  events.append(operation_name(deed.operation), fields_of_deed(domain, deed));
}

}  // namespace modelfs
