#include "registry/commit.h"

#include <fcntl.h>

#include "base/new_name.h"
#include "catalog/keys.h"
#include "drafts/frozen_attributes.h"
#include "drafts/holes.h"
#include "formats/metadata.h"
#include "os/host.h"
#include "registry/deed_events.h"
#include "registry/draft_list.h"

namespace modelfs {
Result<Published> commit_draft(RegistryCore& core, GarbageCollector& garbage, const PublishRequest& request) {
  auto published = Commit(core, garbage, request).run();
  if (!published.ok() && published.code() != Code::AlreadyExists && published.code() != Code::Conflict &&
      !is_undecided(published.code())) {
    core.events().append("refused", {{"target", request.target.str()},
                                     {"reason", published.status().message()},
                                     {"by", user_name(request.who.uid)}});
  }
  return published;
}

Commit::~Commit() {
  pin_.reset();
  if (!committed_) undo_links(core_, request_.draft, linked_);
}

Result<Published> Commit::run() {
  if (Status status = check_target(); !status.ok()) return status;
  auto frozen = core_.drafts().freezer().freeze(request_.draft);
  if (!frozen.ok()) return refused(frozen.code(), frozen.status().message());
  draft_ = std::move(*frozen);
  if (Status status = take_along(); !status.ok()) return refused(status.code(), status.message());
  if (Status status = check_readable(); !status.ok()) return refused(status.code(), status.message());
  const bool may_hash = request_.budget == HashBudget::Full || draft_->unhashed_bytes() <= kRenameHashBytesMax;
  if (!may_hash && draft_->unhashed_hole_bytes() > kRenameHoleBytesMax) {
    return refused(Code::TooLarge, "its files have more than " + std::to_string(kRenameHoleBytesMax >> 30) +
                                       " GiB of holes, whose sum takes long; `modelfs commit` waits for it");
  }
  if (!may_hash) draft_->hash_in_background();
  package_ = split_package(*draft_, !target().is_generation);
  const auto fresh_ino = [&] { return core_.inos().take(); };
  const auto attributes = attributes_of(core_.keys(), *draft_);
  if (!attributes.ok()) return refused(attributes.code(), attributes.status().message());
  if (Status status = build_manifests(*draft_, may_hash, fresh_ino, *attributes, package_); !status.ok()) {
    return refused(status.code(), status.message());
  }
  if (request_.budget == HashBudget::Full) {
    const auto already = is_published_already();
    if (!already.ok()) return already.status();
    if (*already) return counted();
  }
  if (Status status = read_given_metadata(); !status.ok()) return status;
  if (Status status = store_blobs(); !status.ok()) return refused(status.code(), status.message());

  program_ = program_of(request_.who.pid);
  if (Status status = take_numbers(); !status.ok()) return status;
  const auto fill = [&](const Snapshot& now_stored, DomainRecord& head, Batch& batch) -> Status {
    const Status status =
        target().is_generation ? fill_generation(now_stored, head, batch) : fill_release(now_stored, head, batch);
    return status.ok() ? fill_common(head, batch) : status;
  };
  const auto changed = core_.change_domain(target().domain, SpaceNeed::Grows, fill, when_known());
  if (!changed.ok()) {
    committed_ = is_undecided(changed.code());
    // A version that identical content took meanwhile is no failure for a command.
    if (changed.code() == Code::AlreadyExists && request_.budget == HashBudget::Full) {
      const auto already = is_published_already();
      if (already.ok() && *already) return counted();
    }
    return changed.status();
  }
  committed_ = true;
  if (grown_ != kNoIno) core_.tell_changed(grown_);
  if (request_.original != nullptr) request_.original->file.keep();
  if (request_.marker != nullptr) request_.marker->file.keep();
  draft_->mark_published();
  if (request_.on_published) request_.on_published(published_);
  draft_.reset();  // thaws
  if (given_ && given_->ino != kNoIno) core_.drafts().reclaimer().file_retired(given_->ino);
  if (request_.original != nullptr) core_.drafts().reclaimer().file_retired(request_.original->file.ino());
  if (request_.marker != nullptr) core_.drafts().reclaimer().file_retired(request_.marker->file.ino());
  garbage_.sweep_later();
  tell_deed(core_.events(), target().domain, deed_);
  return counted();
}

Published Commit::counted() const {
  Published published = published_;
  published.file_count = published.total_bytes = 0;
  for (const PackagePart& part : package_.parts) {
    published.file_count += part.manifest->file_count();
    published.total_bytes += part.manifest->total_bytes();
  }
  published.generation_count = package_.parts.size() - 1;
  return published;
}

std::function<void(bool)> Commit::when_known() {
  uncertain_ = std::make_shared<Published>();
  return [&core = core_, &garbage = garbage_, draft = draft_, linked = linked_, id = request_.draft,
          published = uncertain_, on_published = request_.on_published](bool took_place) {
    if (!took_place) return undo_links(core, id, linked);
    draft->mark_published();
    if (on_published) on_published(*published);
    garbage.sweep_later();
  };
}

Status Commit::take_along() {
  if (request_.marker != nullptr) {
    // Why now: names came and went until it was frozen.
    std::size_t found = 0;
    const auto& entries = draft_->entries();
    for (std::size_t i = 1; i < entries.size(); ++i) {
      if (entries[i].parent != 0) continue;
      if (!request_.marker->beside.contains(entries[i].name)) return {Code::Conflict, "more has come into the draft"};
      ++found;
    }
    if (found != request_.marker->beside.size()) return {Code::Conflict, "something has left the draft"};
    if (Status status = draft_->graft(request_.marker->file, request_.marker->as); !status.ok()) return status;
  }
  return request_.beneath == kNoIno ? Status() : draft_->freeze_replaced_dir(request_.beneath);
}

Status Commit::check_readable() const {
  if (request_.who.uid == 0) return {};
  const auto& entries = draft_->entries();
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    Ownership owner = entries[i].record.owner;
    if (i == 0) owner.mode &= request_.mode_mask;
    // Its caller has judged what joins from elsewhere, by where that lies.
    if (entries[i].grafted || owner.uid == request_.who.uid) continue;
    const std::string what = i == 0 ? "the draft" : "'" + draft_->path_of(i) + "'";
    if (Status status = authorise_disclosing(request_.who, owner, entries[i].record.type, what); !status.ok()) {
      return status;
    }
  }
  return {};
}

Status Commit::take_numbers() {
  const auto faces = core_.inos().take(ReleaseRecord::kInoBlock);
  if (!faces.ok()) return faces.status();
  faces_ = *faces;
  for (std::size_t i = 0; i < package_.parts.size(); ++i) {
    const auto block = core_.inos().take(GenerationRecord::kInoBlock);
    if (!block.ok()) return block.status();
    generation_faces_.push_back(*block);
  }
  return {};
}

Status Commit::check_target() {
  const auto snapshot = core_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const Snapshot& stored = *snapshot;
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
    if (taken && request_.budget == HashBudget::Short)
      return refused(Code::AlreadyExists, "that generation exists already");
    return {};
  }
  // By command, identical content is no failure, so it is compared first.
  if (release.ok() && request_.budget == HashBudget::Short)
    return refused(Code::AlreadyExists, "that version exists already");
  if (!release.ok()) {
    if (Status status = check_new_name(target().version.str()); !status.ok()) {
      return refused(status.code(), status.message());
    }
  }
  if (stored.label(target().domain, target().version.str()).ok()) {
    return refused(Code::AlreadyExists, "a label has that name");
  }
  const auto draft = core_.drafts().tree().lookup(domain->ino, target().version.str());
  if (draft.ok() && draft->ino != request_.draft && draft->ino != request_.beneath) {
    return refused(Code::AlreadyExists, "a draft lies under that name; commit it, move it or remove it");
  }
  return {};
}

Result<bool> Commit::is_published_already() {
  const auto snapshot = core_.snapshot();
  if (!snapshot.ok()) return snapshot.status();
  const Snapshot& stored = *snapshot;
  const auto release = stored.release(target().domain, target().version.str());
  if (!release.ok()) return release.code() == Code::NotFound ? Result<bool>(false) : release.status();
  published_ = {target().domain.str(),
                release->version,
                {},
                release->sequence,
                release->model_id,
                release->digest,
                0,
                0,
                0,
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
    return true;
  }
  const auto package = stored.container(release->ino);
  if (!package.ok()) return package.status();
  bool same = package->manifest->content_digest() == mine.content_digest();
  for (std::size_t i = 1; same && i < package_.parts.size(); ++i) {
    same = matches(package_.parts[i].generation, *package_.parts[i].manifest);
  }
  if (!same) return refused(Code::AlreadyExists, "that version exists with other content; choose another version");
  return true;
}

Status Commit::read_given_metadata() {
  if (request_.metadata) {
    if (Status status = check_given_metadata(*request_.metadata); !status.ok()) {
      return refused(status.code(), status.message());
    }
    given_ = Given{kNoIno, "", kNoIno, *request_.metadata};
    return {};
  }
  const auto stored = core_.snapshot();
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
  const auto entry = core_.drafts().tree().lookup(given.directory, given.name);
  if (!entry.ok() || entry->type != FileType::Regular) return {};
  given.ino = entry->ino;
  if (Status status =
          DraftList(core_).check_disclosing(request_.who, given.ino, kInPlaceModeMask, "'" + given.name + "'");
      !status.ok()) {
    return refused(status.code(), status.message());
  }
  auto bytes = draft_->read_finished(given.ino, kMetadataBytesMax);
  if (!bytes.ok()) return refused(bytes.code(), given.name + ": " + bytes.status().message());
  if (Status status = check_given_metadata(*bytes); !status.ok()) {
    return refused(status.code(),
                   given.name + " cannot be the metadata: " + status.message() + "; mend it or remove it");
  }
  given.bytes = std::move(*bytes);
  given_ = std::move(given);
  return {};
}

}  // namespace modelfs
