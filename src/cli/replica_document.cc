#include "cli/replica_document.h"

#include <nlohmann/json.hpp>

#include "registry/events.h"

namespace modelfs {
namespace {

nlohmann::ordered_json uploads_document(const BlobUpload::Figures& figures) {
  return {{"blobs", figures.blobs},
          {"bytes", figures.bytes},
          {"objects", figures.objects},
          {"failures", figures.failures},
          {"waiting_bytes", figures.waiting_bytes}};
}

nlohmann::ordered_json cache_document(const CachedBlobs::Figures& figures) {
  nlohmann::ordered_json loading = nlohmann::ordered_json::array();
  for (const CachedBlobs::UnderWay& each : figures.under_way) {
    loading.push_back({{"blob", each.digest.hex()},
                       {"bytes", each.size_bytes},
                       {"bytes_here", each.bytes_here},
                       {"waiting", each.waiting_count}});
  }
  return {{"blobs_loaded", figures.blobs_cached},
          {"bytes_loaded", figures.requests.bytes},
          {"bytes_resumed", figures.bytes_resumed},
          {"requests", figures.requests.requests},
          {"failures", figures.requests.failures},
          {"wrong_bytes", figures.requests.wrong},
          {"loading", loading}};
}

}  // namespace

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
  document["uploads"] = uploads_document(replica.upload().figures());
  if (const CachedBlobs* const cache = replica.cache()) document["cache"] = cache_document(cache->figures());
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
