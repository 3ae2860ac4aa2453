// The requests about a whole store: status, verify, gc.
#include <sys/statvfs.h>

#include <cerrno>

#include "base/names.h"
#include "control/dispatcher.h"
#include "control/documents.h"
#include "control/fields.h"
#include "control/resolve.h"
#include "registry/access.h"

namespace modelfs {
namespace {

using Json = nlohmann::json;

// How many drafts one answer describes; of the rest it gives the number.
constexpr std::size_t kDraftsListedMax = 1000;
// How many problems one answer lists; the events have them all.
constexpr std::size_t kProblemsBytesMax = 512 * 1024;

struct Counts {
  std::uint64_t domains = 0, releases = 0, generations = 0, removed = 0, files = 0, bytes = 0;

  Json document() const {
    return {{"domains", domains}, {"releases", releases}, {"generations", generations},
            {"removed", removed}, {"files", files},       {"bytes", bytes}};
  }
};

// Of the domains that `who` may read.
Result<Counts> count(const Snapshot& snapshot, const Credentials& who) {
  Counts counts;
  Status inner;
  const Status walked = snapshot.for_each_domain([&](const DomainName& name, const DomainRecord& head) {
    if (!authorise_reading(who, head.owner, name.str()).ok()) return true;
    ++counts.domains;
    inner = snapshot.for_each_release(name, [&](const ReleaseRecord& release) {
      ++counts.releases;
      counts.generations += raw(release.last_generation);
      counts.files += release.file_count;
      counts.bytes += release.total_bytes;
      return true;
    });
    if (!inner.ok()) return false;
    inner =
        snapshot.for_each_removed(name, [&](std::string_view, const ReleaseRecord&) { return ++counts.removed > 0; });
    return inner.ok();
  });
  if (!walked.ok()) return walked;
  if (!inner.ok()) return inner;
  return counts;
}

Result<Json> space_document(int store_dir) {
  struct statvfs space {};
  if (::fstatvfs(store_dir, &space) != 0) return Status::from_errno(errno, "statvfs of the store");
  return Json{{"size_bytes", std::uint64_t{space.f_blocks} * space.f_frsize},
              {"free_bytes", std::uint64_t{space.f_bavail} * space.f_frsize}};
}

}  // namespace

Dispatcher::Answer Dispatcher::status(Message&, const Emit&) {
  Registry& registry = context_.registry;
  const auto snapshot = registry.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const auto counts = count(*snapshot, who_);
  if (!counts.ok()) return counts.status();
  const auto archives = registry.compactor().count();
  if (!archives.ok()) return archives.status();
  const auto space = space_document(registry.store_dir());
  if (!space.ok()) return space.status();
  const bool sees_all = authorise_store_owner(registry, who_, "see the drafts of other users").ok();
  const auto drafts = registry.draft_list().list(sees_all ? std::nullopt : std::optional<uid_t>(who_.uid));
  if (!drafts.ok()) return drafts.status();

  Message answer;
  answer.body = {{"engine", context_.place.engine},
                 {"store_id", context_.place.store_id},
                 {"mount_point", context_.place.mount_point},
                 {"space", *space},
                 {"counts", counts->document()},
                 {"archives",
                  {{"recipes", archives->recipes},
                   {"unsuited", archives->unsuited},
                   {"waiting", archives->waiting},
                   {"kept_bytes", archives->kept_bytes}}},
                 {"draft_count", drafts->size()}};
  if (context_.place.describe_registry) answer.body["registry"] = Json::parse(context_.place.describe_registry());
  Json& listed = answer.body["drafts"] = Json::array();
  for (const DraftSummary& draft : *drafts) {
    if (listed.size() < kDraftsListedMax) listed.push_back(draft_document(draft));
  }
  return answer;
}

Dispatcher::Answer Dispatcher::verify(Message& request, const Emit& emit) {
  Registry& registry = context_.registry;
  std::string domain;
  std::string version;
  if (const std::string path = text_or(request.body, "path", ""); !split_path(path).empty()) {
    const auto snapshot = registry.snapshot();
    if (!snapshot.ok()) return snapshot.status();
    const auto thing = resolve(*snapshot, who_, path);
    if (!thing.ok()) return thing.status();
    domain = thing->domain.str();
    if (thing->release) version = thing->release->version;
  } else if (Status status = authorise_store_owner(registry, who_, "verify the whole store"); !status.ok()) {
    return Status(status.code(), status.message() + "; name a domain");
  }
  auto say = progress_through(emit);
  // A client that is gone is noticed when the answer is sent.
  const auto progress = [&say](std::uint64_t done, std::uint64_t total) { (void)say(done, total); };
  const auto report = registry.verifier().verify(domain, version, progress);
  if (!report.ok()) return report.status();
  Message answer;
  answer.body = {{"blobs", report->blobs}, {"bytes", report->bytes}, {"problem_count", report->problems.size()}};
  Json& problems = answer.body["problems"] = Json::array();
  std::size_t listed_bytes = 0;
  for (const std::string& problem : report->problems) {
    listed_bytes += problem.size();
    if (listed_bytes < kProblemsBytesMax) problems.push_back(problem);
  }
  return answer;
}

Dispatcher::Answer Dispatcher::sweep_bucket(Message& request, const Emit&) {
  if (!context_.place.sweep) {
    return Status(Code::Unsupported,
                  "this store is a registry of its own and has no bucket; `modelfs gc` frees its space");
  }
  if (Status status = authorise_store_owner(context_.registry, who_, "sweep the bucket"); !status.ok()) return status;
  const auto report = context_.place.sweep(request.body.value("dry_run", false));
  if (!report.ok()) return report.status();
  Message answer;
  answer.body = Json::parse(*report);
  return answer;
}

Dispatcher::Answer Dispatcher::collect_garbage(Message&, const Emit&) {
  if (Status status = authorise_store_owner(context_.registry, who_, "collect garbage"); !status.ok()) return status;
  const auto report = context_.registry.garbage().collect();
  if (!report.ok()) return report.status();
  Message answer;
  answer.body = {{"blobs_removed", report->blobs_removed},
                 {"bytes_freed", report->bytes_freed},
                 {"draft_files_removed", report->draft_files_removed}};
  return answer;
}

}  // namespace modelfs
