// Looking after a store: verify, gc, and the list of drafts.
#include <algorithm>
#include <cerrno>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include "base/log.h"
#include "catalog/keys.h"
#include "formats/modelstore_document.h"
#include "registry/history_check.h"
#include "registry/registry.h"

namespace modelfs {
namespace {

constexpr std::size_t kReadBytes = 1ull << 20;

// A draft directory with fewer levels than this is hashed up without fear for the stack: the walk is iterative anyway,
// and the bound only ends what a damaged parent would make endless.
constexpr std::size_t kDraftEntriesMax = 10'000'000;

// Calls `visit` with every release and generation, live and in the trash.
Status for_each_container(const Snapshot& stored, std::string_view only_domain, std::string_view only_version,
                          const std::function<void(Ino directory, const std::string& path)>& visit) {
  Status inner;
  const auto with_generations = [&](const DomainName& domain, const ReleaseRecord& release, const std::string& path) {
    visit(release.ino, path);
    inner = stored.for_each_generation(domain, release.sequence, [&](const GenerationRecord& generation) {
      visit(generation.ino, path + "/" + std::to_string(raw(generation.number)));
      return true;
    });
    return inner.ok();
  };
  const Status status = stored.for_each_domain([&](const DomainName& domain, const DomainRecord&) {
    if (!only_domain.empty() && domain.str() != only_domain) return true;
    inner = stored.for_each_release(domain, [&](const ReleaseRecord& release) {
      if (!only_version.empty() && release.version != only_version) return true;
      return with_generations(domain, release, domain.str() + "/" + release.version);
    });
    if (!inner.ok() || !only_version.empty()) return inner.ok();
    const Status trash = stored.for_each_removed(domain, [&](std::string_view name, const ReleaseRecord& release) {
      return with_generations(domain, release, ".modelfs/trash/" + domain.str() + "/" + std::string(name));
    });
    if (inner.ok()) inner = trash;
    return inner.ok();
  });
  return status.ok() ? inner : status;
}

// What a verify has to read: found first, because what takes long may hold no snapshot.
struct VerifyPlan {
  bool any = false;                                               // something is published under these names
  std::map<Digest, std::pair<ManifestEntry, std::string>> files;  // each blob once, with one path that needs it
  std::vector<std::pair<Ino, std::string>> recipes;               // archives to rebuild, with their paths
  std::map<Digest, Ino> archives;                                 // whose archive a blob is, if it is one
  std::uint64_t total_bytes = 0;                                  // of files

  void add(const ManifestEntry& file, const std::string& path) {
    if (files.try_emplace(file.hash.digest, file, path).second) total_bytes += file.size_bytes;
  }
};

// Adds the archive that a container came as, if it did.
void plan_archive(const Snapshot& stored, Ino directory, const std::string& path, VerifyPlan& plan,
                  std::vector<std::string>& problems) {
  const auto archive = stored.archive(directory);
  if (archive.code() == Code::NotFound) return;
  if (!archive.ok()) {
    problems.push_back(path + " as an archive: " + archive.status().message());
  } else if (archive->kept == ArchiveRecord::Kept::Recipe) {
    plan.recipes.emplace_back(directory, path);
  } else {
    ManifestEntry original;
    original.size_bytes = archive->size_bytes;
    original.hash = archive->hash;
    plan.add(original, path + archive->suffix);
    plan.archives.emplace(archive->hash.digest, directory);
  }
}

Result<VerifyPlan> plan_verify(const Snapshot& stored, std::string_view domain, std::string_view version,
                               std::vector<std::string>& problems) {
  VerifyPlan plan;
  const Status walked = for_each_container(stored, domain, version, [&](Ino directory, const std::string& path) {
    plan.any = true;
    const auto container = stored.container(directory);
    if (!container.ok()) {
      problems.push_back(path + ": " + container.status().message());
      return;
    }
    const auto& manifest = *container->manifest;
    for (std::uint32_t i = 0; i < manifest.entries().size(); ++i) {
      const ManifestEntry& entry = manifest.at(i);
      if (entry.type == FileType::Regular) plan.add(entry, path + "/" + manifest.path_of(i));
    }
    plan_archive(stored, directory, path, plan, problems);
  });
  if (!walked.ok()) return walked;
  return plan;
}

}  // namespace

Result<VerifyReport> Registry::verify(std::string_view domain, std::string_view version,
                                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  VerifyReport report;
  const bool is_of_all = domain.empty() && version.empty();
  if (is_of_all) report.problems = engine_.keys->verify();
  const auto plan = [&]() -> Result<VerifyPlan> {
    const auto stored = snapshot();
    if (!stored.ok()) return stored.status();
    if (is_of_all) {
      const auto lost = find_lost_history(*stored);
      if (!lost.ok()) return lost.status();
      for (const std::string& what : *lost) {
        report.problems.push_back(what + "; restore the store from a copy (until then gc removes nothing)");
      }
    }
    return plan_verify(*stored, domain, version, report.problems);
  }();
  if (!plan.ok()) return plan.status();
  if (!plan->any && !is_of_all) {
    return Status(Code::NotFound, "nothing is published as " + std::string(domain) + (version.empty() ? "" : "/") +
                                      std::string(version));
  }
  for (const auto& [container, path] : plan->recipes) {
    const Status made = archives_->verify_recipe(container);
    if (!made.ok()) report.problems.push_back(path + " as an archive: " + made.message());
  }
  std::vector<std::byte> buffer(kReadBytes);
  for (const auto& [digest, file] : plan->files) {
    ++report.blobs;
    const auto content = content_.open(file.first);
    if (!content.ok()) {
      const auto archive = plan->archives.find(digest);
      // A recipe may have taken its place since; else that says no more.
      if (archive != plan->archives.end() && archives_->verify_recipe(archive->second).ok()) continue;
      report.problems.push_back(file.second + ": " + content.status().message());
      continue;
    }
    Hasher hasher;
    Status failed;
    for (std::uint64_t position = 0; position < file.first.size_bytes && failed.ok();) {
      const auto got = (*content)->read_at(position, buffer);
      if (!got.ok() || *got == 0) {
        failed = got.ok() ? Status(Code::Corrupt, "it ends early") : got.status();
        break;
      }
      hasher.add(ByteView(buffer.data(), *got));
      position += *got;
      report.bytes += *got;
      if (progress) progress(report.bytes, plan->total_bytes);
    }
    if (failed.ok() && hasher.finish().digest == digest) continue;
    report.problems.push_back(file.second + ": " +
                              (failed.ok() ? "its bytes are not those that were published" : failed.message()) +
                              " (blob " + digest.hex() + "); publish that file again, or restore a backup");
    if (options_.read_only) continue;
    if (Status status = quarantine(digest); !status.ok()) report.problems.push_back(status.message());
  }
  for (const std::string& problem : report.problems) events_.append("damaged", {{"what", problem}});
  return report;
}

Status Registry::quarantine(const Digest& digest) {
  const auto value = engine_.keys->get(keys::blob(digest));
  if (!value.ok()) return value.status();
  auto record = BlobRecord::decode(*value);
  if (!record.ok()) return record.status();
  record->quarantined = true;
  Batch batch;
  batch.expect(keys::blob(digest), *value);
  batch.put(keys::blob(digest), record->encode());
  const Status status = engine_.keys->commit(batch, Durability::Durable, SpaceNeed::Reclaims);
  return status.code() == Code::Conflict ? Status() : status;  // somebody has just replaced it
}

Result<GcReport> Registry::gc() {
  if (options_.read_only) return Status::from_errno(EROFS, "collect garbage");
  const MutexLock only(gc_mutex_);
  if (Status status = finish_sweeping(); !status.ok()) return status;
  pins_.watch();
  const Status asked = check_certain();
  auto report_or = asked.ok() ? collect_garbage() : asked;
  pins_.end_watch();
  return report_or;
}

Result<GcReport> Registry::collect_garbage() {
  const TimeNs newest{raw(now()) - options_.grace_seconds * 1'000'000'000};
  std::unordered_map<Digest, std::uint64_t, DigestHash> candidates;
  {
    const auto stored_before = snapshot();
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
  const Status files = engine_.blobs->for_each([&](const Digest& digest, std::uint64_t size_bytes, TimeNs since) {
    if (since <= newest) candidates[digest] = size_bytes;
    return true;
  });
  if (!files.ok()) return files;
  auto report = remove_unreferenced(candidates);
  if (!report.ok()) return report;
  const auto orphans = drafts_->remove_orphans();
  if (!orphans.ok()) return orphans.status();
  report->draft_files_removed = *orphans;
  return report;
}

void Registry::collect_gc_candidates() {
  const auto litter = drafts_->take_gc_candidates();
  if (litter.empty()) return;
  const MutexLock only(gc_mutex_);
  pins_.watch();
  const Status asked = check_certain();
  const auto report = asked.ok() ? remove_unreferenced(litter) : asked;
  pins_.end_watch();
  if (!report.ok()) log::warn("small files of drafts that are gone: {}", report.status().message());
}

Result<GcReport> Registry::remove_unreferenced(
    const std::unordered_map<Digest, std::uint64_t, DigestHash>& candidates) {
  GcReport report;
  const auto referenced = referenced_blobs();
  if (!referenced.ok()) return referenced.status();
  for (const auto& [digest, size_bytes] : candidates) {
    if (referenced->contains(digest)) continue;
    Status failed;
    const bool unleased = pins_.remove_unpinned(digest, [&, &digest = digest, &size_bytes = size_bytes] {
      Batch batch;
      batch.erase(keys::blob(digest));
      // A small blob has no file that its record must not outlive.
      const bool has_file = size_bytes > kInlineBlobBytesMax;
      failed = engine_.keys->commit(batch, has_file ? Durability::Durable : Durability::Buffered, SpaceNeed::Reclaims);
      if (failed.ok() && has_file) failed = engine_.blobs->remove(digest);
    });
    if (!failed.ok()) return failed;
    if (!unleased) continue;
    ++report.blobs_removed;
    report.bytes_freed += size_bytes;
  }
  return report;
}

Result<std::vector<DraftSummary>> Registry::list_drafts(std::optional<uid_t> owner) {
  const auto stored = snapshot();
  if (!stored.ok()) return stored.status();
  std::vector<DraftSummary> found;
  Status failed;
  const auto summarise = [&](Ino place, const std::string& prefix, bool names_versions) {
    const auto names = drafts_->list(place);
    if (!names.ok()) {
      failed = names.status();
      return;
    }
    for (const DraftName& name : *names) {
      auto summary = summarise_draft(name);
      if (!summary.ok()) {
        if (summary.code() != Code::NotFound) failed = summary.status();
        continue;
      }
      summary->path = prefix + printable(name.name);
      summary->under_version = names_versions && name.type == FileType::Directory && check_name(name.name).ok();
      if (!owner || summary->owner.uid == *owner) found.push_back(std::move(*summary));
    }
  };
  summarise(kRootIno, "", false);
  const Status walked = stored->for_each_domain([&](const DomainName& domain, const DomainRecord& head) {
    summarise(head.ino, domain.str() + "/", true);
    summarise(stage_of(head), domain.str() + "/.stage/", false);
    summarise(head.uploads(), ".modelfs/drafts/" + domain.str() + "/", false);
    // Archives that wait for their document. Why not what is empty: its client leaves directories behind.
    const std::size_t before = found.size();
    summarise(head.modelstore(), std::string(kModelstoreName) + "/" + domain.str() + "/", false);
    found.erase(std::remove_if(found.begin() + static_cast<std::ptrdiff_t>(before), found.end(),
                               [](const DraftSummary& each) { return each.files == 0; }),
                found.end());
    const Status releases = stored->for_each_release(domain, [&](const ReleaseRecord& release) {
      summarise(release.ino, domain.str() + "/" + release.version + "/", false);
      return failed.ok();
    });
    if (failed.ok()) failed = releases;
    return failed.ok();
  });
  if (!walked.ok()) return walked;
  if (!failed.ok()) return failed;
  return found;
}

Result<DraftSummary> Registry::summarise_draft(const DraftName& draft) {
  DraftSummary summary;
  std::vector<DraftName> rest{draft};
  for (std::size_t seen = 0; !rest.empty() && seen < kDraftEntriesMax; ++seen) {
    const DraftName at = std::move(rest.back());
    rest.pop_back();
    const auto inode = drafts_->stat(at.ino);
    if (!inode.ok()) {
      if (at.ino == draft.ino) return inode.status();
      continue;  // removed meanwhile
    }
    if (at.ino == draft.ino) summary.owner = inode->record.owner;
    summary.changed = std::max(summary.changed, inode->mtime);
    if (inode->record.type == FileType::Regular) {
      ++summary.files;
      summary.bytes += inode->size_bytes;
    }
    if (inode->record.type != FileType::Directory) continue;
    auto names = drafts_->list(at.ino);
    if (!names.ok()) return names.status();
    std::move(names->begin(), names->end(), std::back_inserter(rest));
  }
  return summary;
}

Result<std::unordered_set<Digest, DigestHash>> Registry::referenced_blobs() const {
  const auto stored = snapshot();
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
  if (Status status = drafts_->for_each_blob([&](const Digest& digest) { referenced.insert(digest); }); !status.ok()) {
    return status;
  }
  return referenced;
}

}  // namespace modelfs
