#include "registry/publisher.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "catalog/keys.h"
#include "catalog/metadata.h"

namespace modelfs {
namespace {

// Small blobs are stored in batches of this size, so that one commit's log records stay bounded.
constexpr std::size_t kSmallBatchBytes = 4ull << 20;
// Files at the top of a package that metadata is taken from are read up to this size.
constexpr std::size_t kInfoBytesMax = 1ull << 20;

std::string program_of(pid_t pid) {
  if (pid <= 0) return "";
  auto file = open_at(AT_FDCWD, "/proc/" + std::to_string(pid) + "/comm", O_RDONLY);
  if (!file.ok()) return "";
  auto text = read_all(file->fd(), 64);
  return text.ok() ? printable(text->substr(0, text->find('\n'))) : "";
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

Result<Published> Registry::publish(const PublishRequest& request) {
  auto published = Publisher(*this, request).run();
  if (!published.ok() && published.code() != Code::AlreadyExists) {
    events_.append("refused", {{"target", request.target.str()},
                               {"reason", published.status().message()},
                               {"by", user_name(request.who.uid)}});
  }
  return published;
}

Publisher::~Publisher() {
  if (!committed_) undo_links();
}

Result<Published> Publisher::run() {
  auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  if (Status status = check_target(*stored); !status.ok()) return status;
  auto frozen = registry_.drafts().freeze(request_.draft);
  if (!frozen.ok()) return refused(frozen.code(), frozen.status().message());
  draft_ = std::move(*frozen);
  const bool may_sum = request_.effort == Effort::Full || draft_->unsummed_bytes() <= kRenameSumBytesMax;
  if (!may_sum) registry_.drafts().sum_in_background(*draft_);
  package_ = split_package(*draft_, !target().is_generation);
  const auto fresh_ino = [&] { return registry_.inos_.take(); };
  if (Status status = build_manifests(*draft_, may_sum, fresh_ino, package_); !status.ok()) {
    return refused(status.code(), status.message());
  }
  if (request_.effort == Effort::Full) {
    const auto already = is_published_already(*stored);
    if (!already.ok()) return already.status();
    if (*already) return published_;
  }
  if (Status status = read_given_metadata(); !status.ok()) return status;
  if (Status status = store_blobs(); !status.ok()) return refused(status.code(), status.message());

  model_id_ = make_model_id();
  program_ = program_of(request_.who.pid);
  auto faces = registry_.inos_.take(ReleaseRecord::kInoBlock);
  if (!faces.ok()) return faces.status();
  faces_ = *faces;
  for (std::size_t i = 0; i < package_.parts.size(); ++i) {
    const auto block = registry_.inos_.take(GenerationRecord::kInoBlock);
    if (!block.ok()) return block.status();
    generation_faces_.push_back(*block);
  }
  const auto changed = registry_.change_domain(
      target().domain, SpaceNeed::Grows, [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
        if (Status status = target().is_generation ? fill_generation(now_stored, head, batch)
                                                   : fill_release(now_stored, head, batch);
            !status.ok()) {
          return status;
        }
        return fill_common(batch);
      });
  if (!changed.ok()) {
    // A version that identical content took meanwhile is no failure for a command.
    if (changed.code() == Code::AlreadyExists && request_.effort == Effort::Full) {
      auto fresh = registry_.snapshot();
      if (fresh.ok()) {
        const auto already = is_published_already(*fresh);
        if (already.ok() && *already) return published_;
      }
    }
    return changed.status();
  }
  committed_ = true;
  draft_->bury();
  if (request_.on_published) request_.on_published(published_);
  draft_.reset();  // thaws
  if (given_) registry_.drafts().file_retired(given_->ino);
  registry_.sweep_later();
  tell();
  return published_;
}

Status Publisher::check_target(const Snapshot& stored) {
  const auto domain = stored.domain(target().domain);
  if (!domain.ok()) return domain.status();
  if (Status status = authorise(request_.who, domain->owner, Right::Publish, target().domain.str()); !status.ok())
    return status;
  const auto release = stored.release(target().domain, target().version.str());
  if (!release.ok() && release.code() != Code::NotFound) return release.status();
  if (target().is_generation) {
    if (!release.ok()) return release.status();
    if (!release->takes_generations) {
      return refused(Code::NotPermitted,
                     "numbers at the top of this release are its own content, so it takes no generations");
    }
    const Generation next{raw(release->last_generation) + 1};
    if (target().number && raw(*target().number) > raw(next)) {
      return refused(Code::OutOfRange,
                     "the next generation is " + std::to_string(raw(next)) + "; use that number, or 'next'");
    }
    const bool taken = target().number && raw(*target().number) < raw(next);
    if (taken && request_.effort == Effort::Short)
      return refused(Code::AlreadyExists, "that generation exists already");
    return {};
  }
  // By command, identical content is no failure, so it is compared first.
  if (release.ok() && request_.effort == Effort::Short)
    return refused(Code::AlreadyExists, "that version exists already");
  if (stored.label(target().domain, target().version.str()).ok()) {
    return refused(Code::AlreadyExists, "a label has that name");
  }
  const auto draft = registry_.drafts().lookup(domain->ino, target().version.str());
  if (draft.ok() && draft->ino != request_.draft) {
    return refused(Code::AlreadyExists, "a draft lies under that name; commit it, move it or remove it");
  }
  return {};
}

Result<bool> Publisher::is_published_already(const Snapshot& stored) {
  const auto release = stored.release(target().domain, target().version.str());
  if (!release.ok()) return release.code() == Code::NotFound ? Result<bool>(false) : release.status();
  published_ = {target().domain.str(),
                release->version,
                {},
                release->sequence,
                release->model_id,
                release->digest,
                release->file_count,
                release->total_bytes,
                true,
                {}};
  const Manifest& mine = *package_.parts[0].manifest;
  const auto matches = [&](Generation number, const Manifest& manifest) {
    const auto generation = stored.generation(target().domain, release->sequence, number);
    return generation.ok() && generation->digest == manifest.content_digest();
  };
  if (target().is_generation) {
    if (!target().number || raw(*target().number) > raw(release->last_generation)) return false;
    if (!matches(*target().number, mine))
      return refused(Code::AlreadyExists, "that generation exists with other content");
    published_.generation = *target().number;
    published_.digest = mine.content_digest();
    published_.file_count = mine.file_count();
    published_.total_bytes = mine.total_bytes();
    return true;
  }
  bool same = release->digest == mine.content_digest();
  for (std::size_t i = 1; same && i < package_.parts.size(); ++i) {
    same = matches(package_.parts[i].generation, *package_.parts[i].manifest);
  }
  if (!same) return refused(Code::AlreadyExists, "that version exists with other content; choose another version");
  return true;
}

Status Publisher::read_given_metadata() {
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  Given given;
  if (target().is_generation) {
    const auto release = stored->release(target().domain, target().version.str());
    if (!release.ok()) return release.status();
    given.directory = release->ino;
    given.name = (target().number ? std::to_string(raw(*target().number)) : std::string("next")) + ".json";
  } else {
    const auto domain = stored->domain(target().domain);
    if (!domain.ok()) return domain.status();
    given.directory = domain->ino;
    given.name = target().version.str() + ".json";
  }
  const auto entry = registry_.drafts().lookup(given.directory, given.name);
  if (!entry.ok() || entry->type != FileType::Regular) return {};
  given.ino = entry->ino;
  auto bytes = registry_.drafts().read_finished(*draft_, given.ino, kMetadataBytesMax);
  if (!bytes.ok()) return refused(bytes.code(), given.name + ": " + bytes.status().message());
  if (Status status = check_given_metadata(*bytes); !status.ok()) {
    return refused(status.code(),
                   given.name + " cannot be the metadata: " + status.message() + "; mend it or remove it");
  }
  given.bytes = std::move(*bytes);
  given_ = std::move(given);
  return {};
}

// Blobs.

Result<bool> Publisher::has_blob(const Digest& digest, std::uint64_t size_bytes) const {
  const auto value = registry_.engine_.keys->get(keys::blob(digest));
  if (value.code() == Code::NotFound) return false;
  if (!value.ok()) return value.status();
  const auto record = BlobRecord::decode(*value);
  if (!record.ok() || record->quarantined || record->size_bytes != size_bytes) return false;
  if (record->is_inline) return record->bytes.size() == size_bytes;
  const auto reader = registry_.engine_.blobs->open(digest);
  return reader.ok() && (*reader)->size_bytes() == size_bytes;
}

Status Publisher::store_blobs() {
  std::vector<Digest> digests;
  std::unordered_map<Digest, std::uint32_t, DigestHash> files;  // one file for each digest
  const auto& entries = draft_->entries();
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].record.type != FileType::Regular) continue;
    const auto sum = draft_->sum(i, false);
    if (!sum.ok()) return sum.status();
    sums_[i] = sum->sum;
    if (files.emplace(sum->sum.digest, i).second) digests.push_back(sum->sum.digest);
  }
  lease_ = registry_.leases_.take(digests);
  std::vector<std::pair<Digest, std::uint32_t>> small;
  std::vector<std::pair<Digest, std::uint32_t>> large;
  for (const Digest& digest : digests) {
    const std::uint32_t index = files[digest];
    const auto there = has_blob(digest, entries[index].size_bytes);
    if (!there.ok()) return there.status();
    if (!*there) (entries[index].size_bytes <= kInlineBlobBytesMax ? small : large).emplace_back(digest, index);
  }
  if (Status status = link_large(large); !status.ok()) return status;
  return store_small(small);
}

Status Publisher::store_small(const std::vector<std::pair<Digest, std::uint32_t>>& small) {
  Batch batch;
  std::size_t batch_bytes = 0;
  for (const auto& [digest, index] : small) {
    auto file = draft_->open(index);
    if (!file.ok()) return file.status();
    auto bytes = read_all(file->fd(), kInlineBlobBytesMax);
    if (!bytes.ok()) return bytes.status();
    if (sum_of(bytes_of(*bytes)) != sums_[index]) {
      return {Code::Corrupt, draft_->path_of(index) + " does not hold the bytes that were summed; write it anew"};
    }
    BlobRecord record;
    record.size_bytes = bytes->size();
    record.allocated_bytes = (bytes->size() + 4095) / 4096 * 4096;
    record.crc32 = sums_[index].crc32;
    record.is_inline = true;
    record.bytes = std::move(*bytes);
    batch_bytes += record.size_bytes + 128;
    batch.put(keys::blob(digest), record.encode());
    if (batch_bytes < kSmallBatchBytes) continue;
    if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered); !status.ok()) return status;
    batch = Batch();
    batch_bytes = 0;
  }
  return batch.puts.empty() ? Status() : registry_.engine_.keys->commit(batch, Durability::Buffered);
}

BlobRecord Publisher::record_of(std::uint32_t index) const {
  BlobRecord record;
  record.size_bytes = draft_->entries()[index].size_bytes;
  record.allocated_bytes = draft_->entries()[index].allocated_bytes;
  record.crc32 = sums_.at(index).crc32;
  return record;
}

Status Publisher::link_large(const std::vector<std::pair<Digest, std::uint32_t>>& large) {
  if (large.empty()) return {};
  std::string intent;
  for (const auto& [digest, index] : large) intent.append(digest.raw_bytes());
  Batch batch;
  batch.put(keys::intent(request_.draft), intent);
  if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered); !status.ok()) return status;
  for (const auto& [digest, index] : large) {
    linked_.push_back(digest);
    // Another commit that has not ended may have brought these bytes a moment ago: then they are there already.
    const auto there = registry_.engine_.blobs->open(digest);
    const auto known = registry_.engine_.keys->get(keys::blob(digest));
    const bool usable = there.ok() && (*there)->size_bytes() == draft_->entries()[index].size_bytes && !known.ok();
    if (usable) {
      large_records_.emplace_back(digest, record_of(index));
      continue;
    }
    if (Status status =
            registry_.engine_.blobs->adopt(digest, registry_.drafts().directory(), draft_->host_name(index));
        !status.ok()) {
      return status;
    }
    large_records_.emplace_back(digest, record_of(index));
  }
  return registry_.engine_.blobs->sync(linked_);
}

void Publisher::undo_links() {
  if (linked_.empty()) return;
  lease_.reset();
  for (const Digest& digest : linked_) {
    // Only if no other commit brought, or is bringing, the same bytes.
    registry_.leases_.remove_unleased(digest, [&] {
      if (registry_.engine_.keys->get(keys::blob(digest)).code() != Code::NotFound) return;
      if (Status status = registry_.engine_.blobs->remove(digest); !status.ok()) log::warn("{}", status.message());
    });
  }
  Batch batch;
  batch.erase(keys::intent(request_.draft));
  // If this fails too, the next start does it.
  if (Status status = registry_.engine_.keys->commit(batch, Durability::Buffered, SpaceNeed::Reclaims); !status.ok()) {
    log::warn("{}", status.message());
  }
}

// The batch.

std::string Publisher::describe(const PackagePart& part, const ReleaseRecord& release, Generation number,
                                Sequence sequence) const {
  MetadataFacts facts;
  facts.domain = target().domain.str();
  facts.model_id = release.model_id;
  facts.version = release.version;
  if (number != kNoGeneration) facts.generation = number;
  facts.digest = part.manifest->content_digest();
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
    std::optional<std::string>* into = entries[i].name == "python-info.json"   ? &facts.python_info
                                       : entries[i].name == "model-info.json"  ? &facts.model_info
                                       : entries[i].name == "requirements.txt" ? &facts.requirements
                                                                               : nullptr;
    if (into == nullptr) continue;
    auto file = draft_->open(i);
    auto text = file.ok() ? read_all(file->fd(), kInfoBytesMax) : Result<std::string>(file.status());
    if (text.ok()) *into = std::move(*text);
  }
  return make_metadata(facts);
}

void Publisher::put_container(const PackagePart& part, const ReleaseRecord& release, Ino ino, Batch& batch) const {
  ContainerRecord record;
  record.domain = target().domain.str();
  record.version = release.version;
  record.release = release.sequence;
  record.generation = part.generation;
  record.manifest = part.manifest->encode();
  batch.put(keys::manifest(ino), record.encode());
}

void Publisher::put_generation(const PackagePart& part, const ReleaseRecord& release, Generation number,
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
  record.manifest = sum_of(bytes_of(part.manifest->encode())).digest;
  PackagePart numbered = part;
  numbered.generation = number;
  put_container(numbered, release, record.ino, batch);
  batch.put(keys::generation(target().domain, release.sequence, number), record.encode());
  batch.put(keys::metadata(record.ino),
            record.metadata_given ? given_->bytes : describe(part, release, number, head.last));
  published_.containers.emplace_back(record.ino, part.manifest);
}

Status Publisher::fill_release(const Snapshot& stored, DomainRecord& head, Batch& batch) {
  const std::string& version = target().version.str();
  if (stored.release(target().domain, version).ok()) return refused(Code::AlreadyExists, "that version exists already");
  if (stored.label(target().domain, version).ok()) return refused(Code::AlreadyExists, "a label has that name");
  const PackagePart& part = package_.parts[0];
  const auto tombstone = stored.tombstone(target().domain, version);
  if (tombstone.ok() && tombstone->digest != part.manifest->content_digest()) {
    return refused(
        Code::AlreadyExists,
        "that version was removed, and its name comes back only with the same content; choose another version");
  }
  ReleaseRecord record;
  record.version = version;
  record.model_id = model_id_;
  record.sequence = head.last;
  record.ino = draft_->entries()[0].ino;
  record.faces = faces_;
  record.digest = part.manifest->content_digest();
  record.manifest = sum_of(bytes_of(part.manifest->encode())).digest;
  record.published = record.changed = now();
  record.last_generation = Generation{package_.parts.size() - 1};
  record.takes_generations = package_.takes_generations;
  record.metadata_given = given_.has_value();
  record.file_count = part.manifest->file_count();
  record.total_bytes = part.manifest->total_bytes();
  record.uid = request_.who.uid;
  record.published_by = user_name(request_.who.uid);
  record.program = program_;
  head.changed = head.status_changed = record.published;
  published_ = {target().domain.str(), version, {}, head.last, model_id_, record.digest, record.file_count,
                record.total_bytes,    false,   {}};
  published_.containers.emplace_back(record.ino, part.manifest);
  put_container(part, record, record.ino, batch);
  batch.put(keys::metadata(record.ino), given_ ? given_->bytes : describe(part, record, kNoGeneration, head.last));
  for (std::size_t i = 1; i < package_.parts.size(); ++i) {
    put_generation(package_.parts[i], record, package_.parts[i].generation, head, batch);
  }
  batch.put(keys::release(target().domain, version), record.encode());
  batch.put(keys::by_sequence(target().domain, record.sequence), version);
  batch.put(keys::model_id(target().domain, model_id_), version);
  HistoryRecord history = make_history(Deed::Publish, head.last, request_.who);
  history.version = version;
  history.digest = record.digest;
  batch.put(keys::history(target().domain, head.last), history.encode());
  return {};
}

Status Publisher::fill_generation(const Snapshot& stored, DomainRecord& head, Batch& batch) {
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
  published_ = {target().domain.str(),
                release->version,
                next,
                head.last,
                release->model_id,
                part.manifest->content_digest(),
                part.manifest->file_count(),
                part.manifest->total_bytes(),
                false,
                {}};
  put_generation(part, *release, next, head, batch);
  batch.put(keys::release(target().domain, release->version), release->encode());
  HistoryRecord history = make_history(Deed::Generate, head.last, request_.who);
  history.version = release->version;
  history.generation = next;
  history.digest = published_.digest;
  batch.put(keys::history(target().domain, head.last), history.encode());
  return {};
}

Status Publisher::fill_common(Batch& batch) {
  for (const auto& [digest, record] : large_records_) batch.put(keys::blob(digest), record.encode());
  if (!linked_.empty()) batch.erase(keys::intent(request_.draft));
  if (given_) {
    if (Status status = registry_.drafts().retire_file(given_->directory, given_->name, given_->ino, batch);
        !status.ok()) {
      return status;
    }
  }
  return registry_.drafts().retire(*draft_, request_.directory, request_.name, batch,
                                   [&](std::uint32_t index) { return sums_[index].digest; });
}

void Publisher::tell() const {
  registry_.events_.append(
      target().is_generation ? "generation" : "published",
      {{"domain", published_.domain},
       {"version", published_.version},
       {"generation", published_.generation == kNoGeneration ? "" : std::to_string(raw(published_.generation))},
       {"sequence", std::to_string(raw(published_.sequence))},
       {"digest", published_.digest.hex()},
       {"by", user_name(request_.who.uid)}});
}

}  // namespace modelfs
