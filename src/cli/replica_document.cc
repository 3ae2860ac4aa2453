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

void offer_bucket(Replica* replica, ServedAt& place) {
  if (replica == nullptr) return;
  place.describe_registry = [replica] { return replica_document(*replica).dump(); };
  place.sweep = [replica](bool dry_run) -> Result<std::string> {
    SweepOptions options;
    options.dry_run = dry_run;
    const auto report = replica->sweep(options);
    if (!report.ok()) return report.status();
    const nlohmann::ordered_json document{
        {"objects", report->objects},     {"bytes", report->bytes},
        {"condemned", report->condemned}, {"condemned_bytes", report->condemned_bytes},
        {"removed", report->removed},     {"removed_bytes", report->removed_bytes},
        {"waiting", report->waiting}};
    return document.dump();
  };
}

}  // namespace modelfs
