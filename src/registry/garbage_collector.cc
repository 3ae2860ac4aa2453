#include "registry/garbage_collector.h"

#include <algorithm>
#include <cerrno>

#include "base/log.h"
#include "catalog/keys.h"
#include "content/inline_blob.h"
#include "registry/history_check.h"

namespace modelfs {

void GarbageCollector::sweep_later() {
  core_.do_later([this] {
    const Status status = core_.drafts().reclaimer().sweep();
    if (!status.ok() && status.code() != Code::Interrupted) log::warn("sweep: {}", status.message());
    if (status.ok()) collect_candidates();
  });
}

Status GarbageCollector::finish_sweeping() { return core_.drafts().reclaimer().sweep(); }

Result<GcReport> GarbageCollector::collect() {
  if (core_.options().read_only) return Status::from_errno(EROFS, "collect garbage");
  const MutexLock only(mutex_);
  if (Status status = finish_sweeping(); !status.ok()) return status;
  core_.pins().watch();
  const Status asked = core_.doubts().check_certain();
  auto report_or = asked.ok() ? collect_alone() : asked;
  core_.pins().end_watch();
  return report_or;
}

Result<GcReport> GarbageCollector::collect_alone() {
  const TimeNs newest{raw(now()) - core_.options().grace_seconds * 1'000'000'000};
  Sizes candidates;
  {
    const auto stored_before = core_.snapshot();
    if (!stored_before.ok()) return stored_before.status();
    const auto lost = find_lost_history(*stored_before);
    if (!lost.ok()) return lost.status();
    if (!lost->empty()) {
      return Status(Code::Corrupt, "nothing is removed, since a lost commit may need it: " + lost->front() +
                                       "; restore the store from a copy");
    }
    const Status listed = stored_before->keys().scan("b/", "", [&](std::string_view key, std::string_view value) {
      const auto record = BlobRecord::decode(value);
      Digest digest;
      if (key.size() != 2 + Digest::kSizeBytes || !record.ok()) return true;
      std::copy_n(key.begin() + 2, Digest::kSizeBytes, reinterpret_cast<char*>(digest.bytes.data()));
      if (record->is_inline) candidates[digest] = record->size_bytes;
      return true;
    });
    if (!listed.ok()) return listed;
  }
  const Status files = core_.blobs().for_each([&](const Digest& digest, std::uint64_t size_bytes, TimeNs since) {
    if (since <= newest) candidates[digest] = size_bytes;
    return true;
  });
  if (!files.ok()) return files;
  auto report = remove_unreferenced(candidates);
  if (!report.ok()) return report;
  const auto orphans = core_.drafts().reclaimer().remove_orphans();
  if (!orphans.ok()) return orphans.status();
  report->draft_files_removed = *orphans;
  return report;
}

void GarbageCollector::collect_candidates() {
  const auto litter = core_.drafts().reclaimer().take_gc_candidates();
  if (litter.empty()) return;
  const auto report = remove_now(litter);
  if (!report.ok()) log::warn("small files of drafts that are gone: {}", report.status().message());
}

Result<GcReport> GarbageCollector::remove_now(const Sizes& blobs) {
  if (blobs.empty()) return GcReport();
  const MutexLock only(mutex_);
  core_.pins().watch();
  const Status asked = core_.doubts().check_certain();
  auto report_or = asked.ok() ? remove_unreferenced(blobs) : asked;
  core_.pins().end_watch();
  return report_or;
}

Result<GcReport> GarbageCollector::remove_unreferenced(const Sizes& candidates) {
  GcReport report;
  const auto referenced = referenced_blobs();
  if (!referenced.ok()) return referenced.status();
  for (const auto& [digest, size_bytes] : candidates) {
    if (referenced->contains(digest)) continue;
    Status failed;
    const bool unleased = core_.pins().remove_unpinned(digest, [&, &digest = digest, &size_bytes = size_bytes] {
      Batch batch;
      batch.erase(keys::blob(digest));
      // A small blob has no file that its record must not outlive.
      const bool has_file = size_bytes > kInlineBlobBytesMax;
      failed = core_.keys().commit(batch, has_file ? Durability::Durable : Durability::Buffered, SpaceNeed::Reclaims);
      if (failed.ok() && has_file) failed = core_.blobs().remove(digest);
    });
    if (!failed.ok()) return failed;
    if (!unleased) continue;
    ++report.blobs_removed;
    report.bytes_freed += size_bytes;
  }
  return report;
}

Status GarbageCollector::drop(const std::vector<Digest>& digests) {
  if (digests.empty()) return {};
  const MutexLock only(mutex_);
  core_.pins().watch();
  const Status asked = core_.doubts().check_certain();
  const auto referenced = asked.ok() ? referenced_blobs() : asked;
  Status failed = referenced.ok() ? Status() : referenced.status();
  for (const Digest& digest : digests) {
    if (!failed.ok()) break;
    if (referenced->contains(digest)) continue;
    // While it is open it stays; the next gc removes it.
    (void)core_.pins().remove_unpinned(digest, [&] {
      Batch batch;
      batch.erase(keys::blob(digest));
      failed = core_.keys().commit(batch, Durability::Durable, SpaceNeed::Reclaims);
      if (failed.ok()) failed = core_.blobs().remove(digest);
    });
  }
  core_.pins().end_watch();
  return failed;
}

Result<std::unordered_set<Digest, DigestHash>> GarbageCollector::referenced_blobs() const {
  const auto stored = core_.snapshot();
  if (!stored.ok()) return stored.status();
  std::unordered_set<Digest, DigestHash> referenced;
  Status failed;
  // Every manifest that exists is somebody's: live, in the trash, or a generation of one of these.
  const Status scanned = stored->keys().scan("m/", "", [&](std::string_view, std::string_view value) {
    const auto record = ContainerRecord::decode(value);
    auto manifest = record.ok() ? Manifest::decode(record->manifest) : record.status();
    if (!manifest.ok()) {
      failed = manifest.status();  // what cannot be read may refer to anything: nothing is removed
      return false;
    }
    for (const ManifestEntry& entry : (*manifest)->entries()) {
      if (entry.type == FileType::Regular) referenced.insert(entry.hash.digest);
    }
    return true;
  });
  if (!scanned.ok()) return scanned;
  if (!failed.ok()) return failed;
  const Status archives = stored->keys().scan("a/", "", [&](std::string_view, std::string_view value) {
    const auto record = ArchiveRecord::decode(value);
    if (!record.ok()) failed = record.status();
    if (record.ok() && record->kept != ArchiveRecord::Kept::Recipe) referenced.insert(record->hash.digest);
    return record.ok();
  });
  if (!archives.ok()) return archives;
  if (!failed.ok()) return failed;
  if (Status status =
          core_.drafts().reclaimer().for_each_blob([&](const Digest& digest) { referenced.insert(digest); });
      !status.ok()) {
    return status;
  }
  return referenced;
}

}  // namespace modelfs
