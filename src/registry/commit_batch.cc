// The batch: the keys that one commit changes.
#include <unistd.h>

#include <array>

#include "catalog/keys.h"
#include "formats/forml_package.h"
#include "formats/forml_tag.h"
#include "formats/metadata.h"
#include "formats/modelstore_document.h"
#include "formats/pep440.h"
#include "os/host.h"
#include "registry/commit.h"
#include "registry/placements.h"

namespace modelfs {
namespace {

// Files at the top of a package that metadata is taken from are read up to this size.
constexpr std::size_t kInfoBytesMax = 1ull << 20;

}  // namespace

std::string Commit::describe(const PackagePart& part, const ReleaseRecord& release, Generation number,
                             Sequence sequence) const {
  MetadataFacts facts;
  facts.domain = target().domain.str();
  facts.model_id = release.model_id;
  facts.version = release.version;
  if (number != kNoGeneration) facts.generation = number;
  facts.digest = number != kNoGeneration ? part.manifest->content_digest() : package_.digest();
  facts.sequence = sequence;
  facts.files = part.manifest->file_count();
  facts.bytes = part.manifest->total_bytes();
  facts.published_by = user_name(request_.who.uid);
  facts.host = host_name();
  facts.program = program_;
  facts.created = now();
  const auto& entries = draft_->entries();
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].parent != part.root || i == part.root || entries[i].record.type != FileType::Regular) continue;
    std::optional<std::string>* into = entries[i].name == "python-info.json"     ? &facts.python_info
                                       : entries[i].name == "model-info.json"    ? &facts.model_info
                                       : entries[i].name == "requirements.txt"   ? &facts.requirements
                                       : entries[i].name == kPackageManifestName ? &facts.package
                                       : entries[i].name == "MLmodel"            ? &facts.mlmodel
                                       : entries[i].name == kTagName             ? &facts.tag
                                                                                 : nullptr;
    if (into == nullptr) continue;
    auto text = draft_->read(i, kInfoBytesMax);
    if (text.ok()) *into = std::move(*text);
  }
  return make_metadata(facts);
}

void Commit::put_container(const PackagePart& part, const ReleaseRecord& release, Ino ino, Batch& batch) const {
  ContainerRecord record;
  record.domain = target().domain.str();
  record.version = release.version;
  record.release = release.sequence;
  record.generation = part.generation;
  record.manifest = part.manifest->encode();
  batch.put(keys::manifest(ino), record.encode());
}

void Commit::put_original(Ino container, Batch& batch) const {
  const SealedFile& file = request_.original->file;
  ArchiveRecord record;
  record.suffix = request_.original->suffix;
  record.size_bytes = file.hash().size_bytes;
  record.allocated_bytes = file.allocated_bytes();
  record.hash = file.hash().hash;
  if (const auto inode = core_.drafts().tree().stat(file.ino()); inode.ok()) record.mtime = inode->mtime;
  batch.put(keys::archive(container), record.encode());
}

void Commit::put_generation(const PackagePart& part, const ReleaseRecord& release, Generation number,
                            const DomainRecord& head, Batch& batch) {
  GenerationRecord record;
  record.number = number;
  record.sequence = head.last;
  record.ino = draft_->entries()[part.root].ino;
  record.faces = generation_faces_[static_cast<std::size_t>(&part - package_.parts.data())];
  record.digest = part.manifest->content_digest();
  record.published = now();
  record.file_count = part.manifest->file_count();
  record.total_bytes = part.manifest->total_bytes();
  record.uid = request_.who.uid;
  record.published_by = user_name(request_.who.uid);
  record.metadata_given = target().is_generation && given_.has_value();
  if (target().is_generation && request_.original != nullptr) {
    record.archive_suffix = request_.original->suffix;
    put_original(record.ino, batch);
  }
  record.manifest = hash_of(bytes_of(part.manifest->encode())).digest;
  PackagePart numbered = part;
  numbered.generation = number;
  put_container(numbered, release, record.ino, batch);
  batch.put(keys::generation(target().domain, release.sequence, number), record.encode());
  batch.put(keys::metadata(record.ino),
            record.metadata_given ? given_->bytes : describe(part, release, number, head.last));
  published_.containers.emplace_back(record.ino, part.manifest);
}

Status Commit::check_policy(const Snapshot& stored, Batch& batch) const {
  const std::string& version = target().version.str();
  const std::string key = keys::policy(target().domain);
  const auto highest = stored.keys().get(key);
  if (!highest.ok() && (highest.code() != Code::NotFound || !request_.orders_versions)) {
    return highest.code() == Code::NotFound ? Status() : highest.status();
  }
  const auto mine = Pep440::parse(version);
  if (!mine || mine->str() != version) {
    const std::string form = mine ? "; write it as " + mine->str() : "";
    return refused(Code::InvalidArgument, "the versions of this domain are those of Python packages (PEP 440)" + form);
  }
  Status lower;
  const auto compare = [&](std::string_view other) {
    const auto theirs = Pep440::parse(other);
    if (!theirs || *mine > *theirs) return true;
    const Code code = *mine == *theirs ? Code::AlreadyExists : Code::OutOfRange;
    lower = refused(code, "versions of this domain only grow, and " + std::string(other) + " was published");
    return false;
  };
  if (highest.ok()) {
    compare(*highest);
  } else if (Status status = stored.for_each_release(
                 target().domain, [&](const ReleaseRecord& release) { return compare(release.version); });
             !status.ok()) {
    return status;
  }
  if (lower.ok()) batch.put(key, version);
  return lower;
}

std::string Commit::choose_model_id(const Snapshot& stored) const {
  const std::string given = given_ ? read_modelstore_document(given_->bytes).model_id : "";
  const bool is_free =
      check_name(given).ok() && stored.release_by_model_id(target().domain, given).code() == Code::NotFound;
  return is_free ? given : make_model_id();
}

Status Commit::check_removed(const Snapshot& stored) const {
  const std::string& version = target().version.str();
  const auto tombstone = stored.tombstone(target().domain, version);
  if (!tombstone.ok()) return tombstone.code() == Code::NotFound ? Status() : tombstone.status();
  if (tombstone->digest == package_.digest()) return {};
  // The digest of an older release leaves out the generations that came with it.
  bool is_same = package_.parts.size() > 1 && tombstone->digest == package_.parts[0].manifest->content_digest();
  const auto removed = stored.removed(target().domain, version);
  is_same = is_same && removed.ok() && removed->digest == tombstone->digest && came_with(stored, *removed);
  if (is_same) return {};
  return refused(
      Code::AlreadyExists,
      "that version was removed, and its name comes back only with the same content; choose another version");
}

bool Commit::came_with(const Snapshot& stored, const ReleaseRecord& release) const {
  std::size_t count = 0;
  bool is_same = true;
  const Status status =
      stored.for_each_generation(target().domain, release.sequence, [&](const GenerationRecord& generation) {
        if (generation.sequence != release.sequence) return true;
        count += 1;
        is_same = is_same && count < package_.parts.size() &&
                  package_.parts[count].manifest->content_digest() == generation.digest;
        return is_same;
      });
  return status.ok() && is_same && count + 1 == package_.parts.size();
}

Status Commit::fill_release(const Snapshot& stored, DomainRecord& head, Batch& batch) {
  const std::string& version = target().version.str();
  if (stored.release(target().domain, version).ok()) return refused(Code::AlreadyExists, "that version exists already");
  if (stored.label(target().domain, version).ok()) return refused(Code::AlreadyExists, "a label has that name");
  if (Status status = check_policy(stored, batch); !status.ok()) return status;
  const PackagePart& part = package_.parts[0];
  if (Status status = request_.replaces_removed ? Status() : check_removed(stored); !status.ok()) return status;
  ReleaseRecord record;
  record.version = version;
  model_id_ = choose_model_id(stored);
  record.model_id = model_id_;
  record.sequence = head.last;
  record.ino = draft_->entries()[0].ino;
  record.faces = faces_;
  record.digest = package_.digest();
  record.manifest = hash_of(bytes_of(part.manifest->encode())).digest;
  record.published = record.changed = now();
  record.last_generation = Generation{package_.parts.size() - 1};
  record.takes_generations = package_.takes_generations;
  record.metadata_given = given_.has_value();
  record.file_count = part.manifest->file_count();
  record.total_bytes = part.manifest->total_bytes();
  record.uid = request_.who.uid;
  record.published_by = user_name(request_.who.uid);
  record.program = program_;
  if (request_.original != nullptr) {
    record.archive_suffix = request_.original->suffix;
    put_original(record.ino, batch);
  }
  head.changed = head.status_changed = record.published;
  published_ = {target().domain.str(), version, {}, head.last, model_id_, record.digest, 0, 0, 0, false, {}};
  published_.containers.emplace_back(record.ino, part.manifest);
  put_container(part, record, record.ino, batch);
  batch.put(keys::metadata(record.ino), given_ ? given_->bytes : describe(part, record, kNoGeneration, head.last));
  for (std::size_t i = 1; i < package_.parts.size(); ++i) {
    put_generation(package_.parts[i], record, package_.parts[i].generation, head, batch);
  }
  batch.put(keys::release(target().domain, version), record.encode());
  batch.put(keys::by_sequence(target().domain, record.sequence), version);
  batch.put(keys::model_id(target().domain, model_id_), version);
  batch.put(keys::newest(target().domain), be64(raw(record.ino)));
  if (request_.placement) {
    const UploadPlacement& placement = *request_.placement;
    const auto kind = request_.original != nullptr ? PlacementRecord::Kind::Archive : PlacementRecord::Kind::File;
    const PlacementRecord placed{kind, target().domain.str(), version, record.sequence, record.ino};
    const Status held = core_.drafts().tree().hold_directory(placement.directory, batch);
    if (!held.ok()) return held;
    put_placement(target().domain, placement.path, placement.name, placed, batch);
  }
  HistoryRecord history = make_history(Operation::Publish, head.last, request_.who);
  history.version = version;
  history.digest = record.digest;
  batch.put(keys::history(target().domain, head.last), history.encode());
  deed_ = history;
  return {};
}

Status Commit::fill_generation(const Snapshot& stored, DomainRecord& head, Batch& batch) {
  auto release = stored.release(target().domain, target().version.str());
  if (!release.ok()) return release.status();
  const Generation next{raw(release->last_generation) + 1};
  if (target().number && raw(*target().number) < raw(next)) {
    return refused(Code::AlreadyExists, "that generation exists already; the next one is " + std::to_string(raw(next)));
  }
  if (target().number && *target().number != next) {
    return refused(Code::OutOfRange,
                   "the next generation is " + std::to_string(raw(next)) + "; use that number, or 'next'");
  }
  const PackagePart& part = package_.parts[0];
  release->last_generation = next;
  release->changed = now();
  grown_ = release->ino;
  published_ = {target().domain.str(),
                release->version,
                next,
                head.last,
                release->model_id,
                part.manifest->content_digest(),
                0,
                0,
                0,
                false,
                {}};
  put_generation(part, *release, next, head, batch);
  batch.put(keys::release(target().domain, release->version), release->encode());
  HistoryRecord history = make_history(Operation::Generate, head.last, request_.who);
  history.version = release->version;
  history.generation = next;
  history.digest = published_.digest;
  batch.put(keys::history(target().domain, head.last), history.encode());
  deed_ = history;
  return {};
}

Status Commit::fill_common(const DomainRecord& head, Batch& batch) {
  *uncertain_ = published_;
  for (const auto& [digest, record] : large_records_) batch.put(keys::blob(digest), record.encode());
  if (!linked_.empty()) batch.erase(keys::intent(request_.draft));
  if (given_ && given_->ino != kNoIno) {
    if (Status status = core_.drafts().reclaimer().retire_file(given_->directory, given_->name, given_->ino, batch);
        !status.ok()) {
      return status;
    }
  }
  if (request_.original != nullptr) {
    const ArchiveOriginal& original = *request_.original;
    if (Status status =
            core_.drafts().reclaimer().retire_file(original.directory, original.name, original.file.ino(), batch);
        !status.ok()) {
      return status;
    }
  }
  if (request_.marker != nullptr) {
    const DraftMarker& marker = *request_.marker;
    if (Status status = core_.drafts().reclaimer().retire_file(marker.directory, marker.name, marker.file.ino(), batch);
        !status.ok()) {
      return status;
    }
  }
  if (request_.beneath != kNoIno) {
    draft_->retire_replaced_dir({head.ino, target().version.str()}, batch);
  }
  return draft_->retire(request_.directory, request_.name, batch,
                        [&](std::uint32_t index) { return package_.hashes[index]; });
}

}  // namespace modelfs
