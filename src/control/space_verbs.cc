// The requests that give space back: what is in the trash goes for good.
#include <algorithm>
#include <limits>

#include "base/names.h"
#include "control/dispatcher.h"
#include "control/fields.h"
#include "control/resolve.h"
#include "registry/access.h"

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

}  // namespace

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
