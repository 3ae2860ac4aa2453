#include "ingest/modelstore_writes.h"

#include <utility>

#include "formats/metadata.h"
#include "formats/modelstore_document.h"
#include "os/proc.h"

namespace modelfs {

using Kind = Node::Kind;
using Upload = CreateRule::Upload;

namespace {

Status taken_by_another() { return {Code::AlreadyExists, "another model has its archive there; upload it once more"}; }

bool is_archive(const MountUpload& upload) { return format_of_suffix(face_suffix(upload.name)).has_value(); }

}  // namespace

Result<MountUpload> ModelstoreWrites::plan(const Node& parent, std::string_view name, const CreateRule& rule) const {
  MountUpload upload;
  upload.parent = parent.ino;
  upload.name = name;
  if (parent.kind == Node::Kind::Draft) upload.parent_path = parent.target;
  upload.stem = rule.stem;
  upload.kind = rule.upload;
  upload.above = rule.base;
  upload.base_path = rule.base_path;
  if (rule.domain.empty()) return upload;
  auto domain = DomainName::parse(rule.domain);
  if (!domain.ok()) return domain.status();
  upload.domain = std::move(*domain);
  return upload;
}

std::optional<Result<MountUpload>> ModelstoreWrites::plan_rewrite(const Credentials& who, const Node& node,
                                                                  bool truncates) const {
  if (node.kind == Kind::Draft && node.container != kNoIno && truncates) return plan_draft_rewrite(who, node);
  if (node.kind != Kind::Text || node.rewrite != Node::Rewrite::Copy) return std::nullopt;
  // The metadata itself is written once; what else shows it may be written again.
  const auto container = layout_mount_.containers(node.container);
  if (!container.ok()) return container.status();
  const auto domain = DomainName::parse((*container)->domain);
  if (!domain.ok()) return domain.status();
  MountUpload upload;
  upload.seen_as = node.ino;
  upload.kind = Upload::Copy;
  upload.domain = *domain;
  upload.name = domain->str() + ".json";
  return upload;
}

std::optional<Result<MountUpload>> ModelstoreWrites::plan_draft_rewrite(const Credentials& who,
                                                                        const Node& node) const {
  const auto parent = mount_.find_node(node.container);
  const auto stored = registry_.snapshot();
  if (!parent || !stored.ok()) return std::nullopt;
  const CreateRule rule =
      layouts_.of(*parent).create_rule({*stored, layout_mount_}, *parent, node.target, FileType::Regular);
  if (rule.kind != CreateRule::Kind::Upload || rule.upload != Upload::ReplaceOnClose) return std::nullopt;
  auto planned = plan(*parent, node.target, rule);
  if (!planned.ok()) return planned.status();
  if (writers_.is_anothers(node.ino, process_of(who.pid))) return taken_by_another();
  planned->seen_as = node.ino;
  return planned;
}

Status ModelstoreWrites::publish(const Credentials& who, const MountUpload& upload) {
  if (upload.kind == Upload::Model) return publish_model(who, upload);
  if (upload.kind == Upload::ReplaceOnClose && is_archive(upload)) return keep_whole(upload);
  return publish_document(who, upload);
}

Status ModelstoreWrites::publish_model(const Credentials& who, const MountUpload& upload) {
  auto model_id = VersionName::parse(upload.stem);
  if (!model_id.ok()) return model_id.status();
  return models_
      .publish({upload.file, upload.directory, upload.draft_name, *upload.domain, std::move(*model_id), upload.above,
                upload.base_path, who, [this](const Published& done) { mount_.rebind_nodes(done); }})
      .status();
}

Status ModelstoreWrites::publish_document(const Credentials& who, const MountUpload& upload) {
  const auto text = [&]() -> Result<std::string> {
    const auto sealed = registry_.drafts().sealer().seal(upload.file);
    return sealed.ok() ? (*sealed)->text(kMetadataBytesMax) : sealed.status();
  }();
  const auto refused = [&](const Status& status) {
    return Status(status.code(), upload.str() + ": " + status.message());
  };
  if (!text.ok()) return refused(text.status());
  if (Status status = check_given_metadata(*text); !status.ok()) return refused(status);
  if (upload.kind == Upload::ReplaceOnClose) return keep_whole(upload);
  const Status status = upload.kind == Upload::State ? take_state(who, upload, *text) : check_copy(upload, *text);
  if (!status.ok()) return refused(status);
  return registry_.drafts().tree().unlink(upload.directory, upload.draft_name);
}

Status ModelstoreWrites::keep_whole(const MountUpload& upload) {
  const auto placed = [&]() -> Result<PlacementRecord> {
    if (!upload.domain) return Status(Code::NotFound, "nothing is placed here");
    const auto stored = registry_.snapshot();
    return stored.ok() ? stored->placement(*upload.domain, upload.parent_path, upload.name) : stored.status();
  }();
  if (!placed.ok() && placed.code() != Code::NotFound) return placed.status();
  const auto there = registry_.drafts().tree().lookup(upload.parent, upload.name);
  // Where a path holds no model id, two that upload in the same second meet.
  const bool is_awaited = there.ok() && is_archive(upload) && writers_.is_anothers(there->ino, upload.creator);
  if (placed.ok() || is_awaited) {
    const Status taken = taken_by_another();
    return {taken.code(), upload.str() + ": " + taken.message()};
  }
  const Status status =
      registry_.drafts().tree().rename(upload.directory, upload.draft_name, upload.parent, upload.name, true);
  if (status.ok() && is_archive(upload)) writers_.put(upload.file, upload.creator);
  return status;
}

Status ModelstoreWrites::take_state(const Credentials& who, const MountUpload& upload, const std::string& text) {
  const ModelstoreFacts facts = read_modelstore_document(text);
  if (facts.model_id != upload.stem) {
    return {Code::Malformed, "it is about the model '" + printable(facts.model_id) + "'"};
  }
  const auto release = [&]() -> Result<ReleaseRecord> {
    const auto stored = registry_.snapshot();
    return stored.ok() ? stored->release_by_model_id(*upload.domain, upload.stem) : stored.status();
  }();
  if (!release.ok()) return release.status();
  const auto state = registry_.drafts().tree().name_of(upload.parent);
  if (!state.ok()) return state.status();
  return registry_.model_states().set(*upload.domain, release->version, state->name, who);
}

Status ModelstoreWrites::check_copy(const MountUpload& upload, const std::string& text) const {
  const ModelstoreFacts facts = read_modelstore_document(text);
  if (facts.domain != upload.domain->str()) {
    return {Code::Malformed, "it is about the domain '" + printable(facts.domain) + "'"};
  }
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  if (check_name(facts.model_id).ok()) {
    if (stored->release_by_model_id(*upload.domain, facts.model_id).ok()) return {};
    bool is_known = false;
    const Status status =
        stored->for_each_tombstone(*upload.domain, [&](std::string_view, const TombstoneRecord& each) {
          is_known = each.model_id == facts.model_id;
          return !is_known;
        });
    if (!status.ok()) return status;
    if (is_known) return {};
  }
  return {Code::Malformed, "no model '" + printable(facts.model_id) + "' was published in the domain " +
                               upload.domain->str() + "; its document in versions/ comes first"};
}

}  // namespace modelfs
