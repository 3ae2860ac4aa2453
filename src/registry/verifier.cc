#include "registry/verifier.h"

#include <map>
#include <utility>

#include "catalog/keys.h"
#include "registry/history_check.h"

namespace modelfs {
namespace {

constexpr std::size_t kReadBytes = 1ull << 20;

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
  const auto with_trash = [&](const DomainName& domain) {
    const Status trash = stored.for_each_removed(domain, [&](std::string_view name, const ReleaseRecord& release) {
      return with_generations(domain, release, ".modelfs/trash/" + domain.str() + "/" + std::string(name));
    });
    if (inner.ok()) inner = trash;
    return inner.ok();
  };
  const Status status = stored.for_each_domain([&](const DomainName& domain, const DomainRecord&) {
    if (!only_domain.empty() && domain.str() != only_domain) return true;
    inner = stored.for_each_release(domain, [&](const ReleaseRecord& release) {
      if (!only_version.empty() && release.version != only_version) return true;
      return with_generations(domain, release, domain.str() + "/" + release.version);
    });
    return inner.ok() && (!only_version.empty() || with_trash(domain));
  });
  if (!status.ok() || !inner.ok() || !only_domain.empty()) return status.ok() ? inner : status;
  const Status removed =
      stored.for_each_removed_domain([&](const DomainName& domain, const DomainRecord&) { return with_trash(domain); });
  return removed.ok() ? inner : removed;
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

Result<VerifyReport> Verifier::verify(std::string_view domain, std::string_view version,
                                      const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  VerifyReport report;
  const bool is_of_all = domain.empty() && version.empty();
  if (is_of_all) report.problems = core_.keys().verify();
  const auto plan = [&]() -> Result<VerifyPlan> {
    const auto stored = core_.snapshot();
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
    const Status made = core_.archives().verify_recipe(container);
    if (!made.ok()) report.problems.push_back(path + " as an archive: " + made.message());
  }
  std::vector<std::byte> buffer(kReadBytes);
  for (const auto& [digest, file] : plan->files) {
    // What does not lie here is checked when it comes.
    if (core_.content().is_distant(file.first)) continue;
    ++report.blobs;
    const auto content = core_.content().open(file.first);
    if (!content.ok()) {
      const auto archive = plan->archives.find(digest);
      // A recipe may have taken its place since; else that says no more.
      if (archive != plan->archives.end() && core_.archives().verify_recipe(archive->second).ok()) continue;
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
    if (core_.options().read_only) continue;
    if (Status status = quarantine(digest); !status.ok()) report.problems.push_back(status.message());
  }
  for (const std::string& problem : report.problems) core_.events().append("damaged", {{"what", problem}});
  return report;
}

Status Verifier::quarantine(const Digest& digest) {
  const auto value = core_.keys().get(keys::blob(digest));
  if (!value.ok()) return value.status();
  auto record = BlobRecord::decode(*value);
  if (!record.ok()) return record.status();
  record->quarantined = true;
  Batch batch;
  batch.expect(keys::blob(digest), *value);
  batch.put(keys::blob(digest), record->encode());
  const Status status = core_.keys().commit(batch, Durability::Durable, SpaceNeed::Reclaims);
  return status.code() == Code::Conflict ? Status() : status;  // somebody has just replaced it
}

}  // namespace modelfs
