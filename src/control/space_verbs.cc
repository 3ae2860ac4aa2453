// The requests about space: what takes it, and what gives it back.
#include <algorithm>
#include <unordered_set>

#include "base/names.h"
#include "control/dispatcher.h"
#include "control/fields.h"
#include "control/lists.h"
#include "control/resolve.h"
#include "os/open_files.h"
#include "registry/access.h"
#include "registry/events.h"

namespace modelfs {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

Message purge_answer(const PurgeReport& report) {
  Message answer;
  answer.body = {{"releases_purged", report.releases},
                 {"blobs_removed", report.freed.blobs_removed},
                 {"bytes_freed", report.freed.bytes_freed}};
  return answer;
}

nlohmann::json use_document(const SpaceUse& use) {
  nlohmann::json document{{"bytes", use.logical_bytes},
                          {"own_bytes", use.own_bytes},
                          {"shared_bytes", use.shared_bytes},
                          {"freeable_bytes", use.freeable_bytes}};
  if (!use.domain.empty()) document["domain"] = use.domain;
  if (!use.version.empty()) document["version"] = use.version;
  if (!use.trash_name.empty()) document["name"] = use.trash_name;
  return document;
}

nlohmann::json verdict_document(const PruneVerdict& verdict) {
  return {{"version", verdict.version},
          {"published", iso_time(verdict.published)},
          {"bytes", verdict.total_bytes},
          {"pruned", verdict.kept_by.empty()},
          {"kept_by", verdict.kept_by}};
}

// Says of releases that are open who has them open, as far as can be seen. Of the first few: each is a search through
// all processes.
void name_holders(const std::string& mount_point, const DomainName& domain, std::vector<PruneVerdict>& verdicts) {
  constexpr int kSearchesMax = 4;
  constexpr std::size_t kNamedMax = 3;
  int searches = 0;
  for (PruneVerdict& verdict : verdicts) {
    const auto open = std::find(verdict.kept_by.begin(), verdict.kept_by.end(), "open");
    if (open == verdict.kept_by.end() || ++searches > kSearchesMax) continue;
    std::string names;
    for (const Holder& holder : find_holders(mount_point + "/" + domain.str() + "/" + verdict.version, kNamedMax)) {
      names += (names.empty() ? " in " : ", ") + holder.program + " (" + std::to_string(holder.pid) + ")";
    }
    *open += names;
  }
}

}  // namespace

Dispatcher::Answer Dispatcher::space_use(Message& request, const Emit& emit) {
  std::string domain;
  std::string version;
  if (const std::string path = text_or(request.body, "path", ""); !split_path(path).empty()) {
    const auto snapshot = context_.registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = resolve(*snapshot, who_, path);
    if (!thing.ok()) return thing.status();
    if (thing->generation || !thing->inside.empty()) {
      return Status(Code::InvalidArgument, "'" + printable(path) + "' lies inside a release; name that, " +
                                               thing->domain.str() + "/" + thing->release->version);
    }
    domain = thing->domain.str();
    if (thing->release) version = thing->release->version;
  }
  const auto report =
      context_.registry.space_use(domain, version, [this](const DomainName& name, const DomainRecord& head) {
        return authorise_reading(who_, head.owner, name.str()).ok();
      });
  if (!report.ok()) return report.status();
  const auto& rows = report->rows;
  if (Status sent = emit_list(rows.size(), emit, [&](std::size_t i) { return use_document(rows[i]); }); !sent.ok())
    return sent;
  Message answer;
  answer.body["total"] = use_document(report->total);
  return answer;
}

Dispatcher::Answer Dispatcher::prune(Message& request, const Emit& emit) {
  const auto domain = DomainName::parse(text_field(request.body, "domain"));
  if (!domain.ok()) return domain.status();
  PruneRule rule;
  if (request.body.contains("keep_last")) rule.keep_last = number_field(request.body, "keep_last");
  if (request.body.contains("keep_within_seconds"))
    rule.keep_within_seconds = number_field(request.body, "keep_within_seconds");
  rule.is_dry_run = truth_or(request.body, "dry_run", false);
  std::unordered_set<std::uint64_t> open;
  if (context_.hooks.open_containers) {
    for (const Ino container : context_.hooks.open_containers()) open.insert(raw(container));
  }
  auto verdicts = context_.registry.pruner().prune(
      *domain, rule, [&](Ino container) { return open.contains(raw(container)); }, who_);
  if (!verdicts.ok()) return verdicts.status();
  const bool any =
      std::any_of(verdicts->begin(), verdicts->end(), [](const auto& each) { return each.kept_by.empty(); });
  const auto head = context_.registry.domains().find(*domain);
  if (any && !rule.is_dry_run && head.ok()) {
    for (const PruneVerdict& verdict : *verdicts) {
      if (verdict.kept_by.empty()) context_.moved_away(head->ino, verdict.version);
    }
    context_.domain_changed(*domain);
  }
  name_holders(context_.place.mount_point, *domain, *verdicts);
  const Status sent =
      emit_list(verdicts->size(), emit, [&](std::size_t i) { return verdict_document((*verdicts)[i]); });
  if (!sent.ok()) return sent;
  return Message();
}

Dispatcher::Answer Dispatcher::remove_domain(const DomainName& domain) {
  // As rmdir(2) in the root of a mount.
  if (Status status = authorise(who_, ownership_of_store(context_.registry), Right::Publish, "the registry");
      !status.ok()) {
    return status;
  }
  const Status removed = context_.registry.domains().remove(domain, who_);
  if (!removed.ok()) return removed;
  context_.moved_away(kRootIno, domain.str());
  context_.domain_changed(domain);
  Message answer;
  answer.body = {{"domain", domain.str()}};
  return answer;
}

// A live release goes to the trash first, so that all who hold it back are asked as for any removal.
Dispatcher::Answer Dispatcher::purge(Message& request, const Emit& emit) {
  const std::string path = text_field(request.body, "path");
  const std::vector<std::string> parts = split_path(path);
  if (parts.size() != 2) return Status(Code::InvalidArgument, "write what to purge as DOMAIN/VERSION");
  const auto domain = DomainName::parse(parts[0]);
  if (!domain.ok()) return domain.status();
  const auto head = context_.registry.domains().find(*domain);
  if (!head.ok()) return head.status();
  if (Status status = authorise_owner(who_, head->owner.uid, domain->str() + " for good"); !status.ok()) return status;
  if (!truth_or(request.body, "in_trash", false)) {
    const auto is_in_trash_only = [&]() -> Result<bool> {
      const auto stored = context_.registry.snapshot();
      if (!stored.ok()) return stored.status();
      const bool is_live = stored->release(*domain, parts[1]).code() != Code::NotFound;
      const bool is_removed = stored->removed(*domain, parts[1]).code() != Code::NotFound;
      if (Status status = stored->failure(); !status.ok()) return status;
      return is_removed && !is_live;
    }();
    if (!is_in_trash_only.ok()) return is_in_trash_only.status();
    auto removed = *is_in_trash_only ? Answer(Message()) : remove(request, emit);
    if (!removed.ok()) return removed;
  }
  const auto report = context_.registry.purger().purge(*domain, parts[1], who_);
  if (!report.ok()) return report.status();
  context_.domain_changed(*domain);
  Message answer = purge_answer(*report);
  answer.body["domain"] = domain->str();
  answer.body["version"] = parts[1];
  return answer;
}

Dispatcher::Answer Dispatcher::empty_trash(Message& request, const Emit&) {
  if (Status status = authorise_store_owner(context_.registry, who_, "empty the trash"); !status.ok()) return status;
  const std::uint64_t seconds =
      request.body.contains("older_than_seconds") ? number_field(request.body, "older_than_seconds") : 0;
  const auto longest = static_cast<std::uint64_t>(raw(now()) / kNsPerSecond);
  const TimeNs until{raw(now()) - static_cast<std::int64_t>(std::min(seconds, longest)) * kNsPerSecond};
  const auto report = context_.registry.purger().empty_trash(until, who_);
  if (!report.ok()) return report.status();
  return purge_answer(*report);
}

}  // namespace modelfs
