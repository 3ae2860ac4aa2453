#include "cli/replica_document.h"

#include <nlohmann/json.hpp>

#include "registry/events.h"

namespace modelfs {

nlohmann::ordered_json replica_document(Replica& replica) {
  const LogState state = replica.log().state();
  nlohmann::ordered_json document{{"address", replica.remote().address()},
                                  {"id", replica.registry_id()},
                                  {"reachable", state.is_reachable},
                                  {"last_answer", state.last_answer == TimeNs{} ? "" : iso_time(state.last_answer)},
                                  {"next_record", state.next_slot},
                                  {"writer", state.writer},
                                  {"publishes", !state.is_halted},
                                  {"unsettled", state.has_unsettled},
                                  {"commits", state.commits},
                                  {"records_put", state.slots_won},
                                  {"records_lost", state.slots_lost},
                                  {"records_applied", state.records_applied}};
  if (!state.failure.empty()) document["failure"] = state.failure;
  return document;
}

}  // namespace modelfs
