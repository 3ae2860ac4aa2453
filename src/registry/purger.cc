#include "registry/purger.h"

#include <string>
#include <vector>

#include "catalog/keys.h"
#include "registry/access.h"
#include "registry/deed_events.h"
#include "registry/history_check.h"

namespace modelfs {
namespace {

// Takes all that is kept of the files of a release or generation out of the catalog, and adds the blobs that it refers
// to.
Status erase_container(const Snapshot& stored, Ino ino, Batch& batch, GarbageCollector::Sizes& blobs) {
  const auto container = stored.container(ino);
  if (!container.ok()) return container.status();
  for (const ManifestEntry& entry : container->manifest->entries()) {
    if (entry.type == FileType::Regular) blobs[entry.hash.digest] = entry.size_bytes;
  }
  const auto archive = stored.archive(ino);
  if (archive.ok() && archive->kept != ArchiveRecord::Kept::Recipe) blobs[archive->hash.digest] = archive->size_bytes;
  if (!archive.ok() && archive.code() != Code::NotFound) return archive.status();
  for (const std::string& key : {keys::manifest(ino), keys::metadata(ino), keys::archive(ino), keys::recipe(ino)})
    batch.erase(key);
  return {};
}

Status erase_release(const Snapshot& stored, const DomainName& domain, const ReleaseRecord& release, Batch& batch,
                     GarbageCollector::Sizes& blobs) {
  if (Status status = erase_container(stored, release.ino, batch, blobs); !status.ok()) return status;
  Status inner;
  const Status walked = stored.for_each_generation(domain, release.sequence, [&](const GenerationRecord& generation) {
    inner = erase_container(stored, generation.ino, batch, blobs);
    return inner.ok();
  });
  if (!walked.ok() || !inner.ok()) return walked.ok() ? inner : walked;
  batch.erase_prefix(keys::generations(domain, release.sequence));
  batch.erase_prefix(keys::placements_of(release.ino));
  return {};
}

// modelstore's layout shows of a tombstone the document of its release, which is gone.
Status forget_document(const Snapshot& stored, const DomainName& domain, const ReleaseRecord& release, Batch& batch) {
  auto tombstone = stored.tombstone(domain, release.version);
  if (tombstone.code() == Code::NotFound) return {};
  if (!tombstone.ok()) return tombstone.status();
  if (tombstone->release != release.ino) return {};
  tombstone->is_forgotten = true;
  batch.put(keys::tombstone(domain, release.version), tombstone->encode());
  return {};
}

// What commits have left to sweep may still refer to the blobs of what they published.
Result<GcReport> free_now(GarbageCollector& garbage, const GarbageCollector::Sizes& blobs) {
  const Status swept = garbage.finish_sweeping();
  return swept.ok() ? garbage.remove_now(blobs) : swept;
}

}  // namespace

struct Purger::Candidate {
  DomainName domain;
  std::string trash_name;
  bool is_of_removed_domain = false;
};

Status Purger::check_history() const {
  const auto stored = core_.snapshot();
  if (!stored.ok()) return stored.status();
  const auto lost = find_lost_history(*stored);
  if (!lost.ok()) return lost.status();
  if (lost->empty()) return {};
  return {Code::Corrupt,
          "nothing is removed, since a lost commit may need it: " + lost->front() + "; restore the store from a copy"};
}

Status Purger::purge_release(const Candidate& candidate, const Credentials& who, bool is_judged,
                             GarbageCollector::Sizes& freed) {
  const DomainName& domain = candidate.domain;
  GarbageCollector::Sizes blobs;
  HistoryRecord deed;
  const auto change = [&](const Snapshot& stored, DomainRecord& head, Batch& batch) -> Status {
    if (Status status = is_judged ? Status() : authorise_owner(who, head.owner.uid, domain.str()); !status.ok())
      return status;
    const auto release = stored.removed(domain, candidate.trash_name);
    if (release.code() == Code::NotFound) {
      return {Code::NotFound, "no release " + printable(candidate.trash_name) + " in the trash of " + domain.str()};
    }
    if (!release.ok()) return release.status();
    deed = make_history(Operation::Purge, head.last, who);
    deed.version = release->version;
    deed.digest = release->digest;
    head.changed = head.status_changed = deed.when;
    blobs.clear();
    if (Status status = erase_release(stored, domain, *release, batch, blobs); !status.ok()) return status;
    batch.erase(keys::removed(domain, candidate.trash_name));
    batch.put(keys::history(domain, head.last), deed.encode());
    return forget_document(stored, domain, *release, batch);
  };
  const auto changed = candidate.is_of_removed_domain ? core_.change_removed_domain(domain, SpaceNeed::Reclaims, change)
                                                      : core_.change_domain(domain, SpaceNeed::Reclaims, change);
  if (!changed.ok()) return changed.status();
  tell_deed(core_.events(), domain, deed);
  freed.insert(blobs.begin(), blobs.end());
  return {};
}

Result<PurgeReport> Purger::purge(const DomainName& domain, std::string_view trash_name, const Credentials& who) {
  if (Status status = check_history(); !status.ok()) return status;
  GarbageCollector::Sizes blobs;
  if (Status status = purge_release({domain, std::string(trash_name)}, who, false, blobs); !status.ok()) return status;
  const auto freed = free_now(garbage_, blobs);
  return freed.ok() ? Result<PurgeReport>(PurgeReport{1, *freed}) : freed.status();
}

Result<PurgeReport> Purger::empty_trash(TimeNs removed_until, const Credentials& who) {
  if (Status status = check_history(); !status.ok()) return status;
  std::vector<Candidate> found;
  {
    const auto stored = core_.snapshot();
    if (!stored.ok()) return stored.status();
    Status inner;
    const auto look = [&](const DomainName& domain, bool is_removed) {
      inner = stored->for_each_removed(domain, [&](std::string_view name, const ReleaseRecord& release) {
        if (raw(release.changed) <= raw(removed_until)) found.push_back({domain, std::string(name), is_removed});
        return true;
      });
      return inner.ok();
    };
    Status walked =
        stored->for_each_domain([&](const DomainName& domain, const DomainRecord&) { return look(domain, false); });
    if (walked.ok() && inner.ok()) {
      walked = stored->for_each_removed_domain(
          [&](const DomainName& domain, const DomainRecord&) { return look(domain, true); });
    }
    if (!walked.ok() || !inner.ok()) return walked.ok() ? inner : walked;
  }
  PurgeReport report;
  GarbageCollector::Sizes blobs;
  Status failed;
  for (const Candidate& candidate : found) {
    const Status status = purge_release(candidate, who, true, blobs);
    if (status.ok()) ++report.releases;
    // It was restored or purged meanwhile. What was purged until a failure is freed all the same.
    if (status.ok() || status.code() == Code::NotFound) continue;
    failed = status;
    break;
  }
  const auto freed = free_now(garbage_, blobs);
  if (!failed.ok()) return failed;
  if (!freed.ok()) return freed.status();
  report.freed = *freed;
  return report;
}

}  // namespace modelfs
