// modelstore's layout: what its client's writes and removals do.
#include <fcntl.h>

#include <csignal>

#include "formats/metadata.h"
#include "formats/modelstore_document.h"
#include "layout/modelstore/modelstore_layout.h"
#include "os/proc.h"
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;
using Upload = CreateRule::Upload;

Result<MountUpload> FileSystem::State::plan_modelstore_upload(const Node& parent, std::string_view name,
                                                              const CreateRule& rule) {
  MountUpload upload;
  upload.parent = parent.ino;
  upload.name = name;
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

namespace {

bool is_alive(pid_t process) { return process > 0 && (::kill(process, 0) == 0 || errno == EPERM); }

}  // namespace

Status FileSystem::State::publish_modelstore_upload(const Credentials& who, const MountUpload& upload) {
  if (upload.kind == Upload::Model) {
    auto model_id = VersionName::parse(upload.stem);
    if (!model_id.ok()) return model_id.status();
    return ingest.models
        .publish({upload.file, upload.directory, upload.draft_name, *upload.domain, std::move(*model_id), upload.above,
                  upload.base_path, who, [this](const Published& done) { rebind_nodes(done); }})
        .status();
  }
  if (upload.kind == Upload::ReplaceOnClose && format_of_suffix(face_suffix(upload.name))) return keep_whole(upload);
  const auto text = [&]() -> Result<std::string> {
    const auto sealed = registry.drafts().seal(upload.file);
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
  return registry.drafts().unlink(upload.directory, upload.draft_name);
}

Status FileSystem::State::keep_whole(const MountUpload& upload) {
  const bool is_document = !format_of_suffix(face_suffix(upload.name));
  const auto placed = [&]() -> Result<PlacementRecord> {
    const auto stored = registry.snapshot();
    return stored.ok() ? stored->placement(upload.parent, upload.name) : stored.status();
  }();
  if (!placed.ok() && placed.code() != Code::NotFound) return placed.status();
  const bool is_taken = placed.ok();
  const auto there = registry.drafts().lookup(upload.parent, upload.name);
  // Where a path holds no model id, two that upload in the same second meet.
  bool is_awaited = false;
  if (there.ok() && !is_document) {
    const MutexLock lock(writers_mutex);
    const auto writer = writers.find(raw(there->ino));
    is_awaited = writer != writers.end() && writer->second != upload.creator && is_alive(writer->second);
  }
  if (is_taken || is_awaited) {
    return {Code::AlreadyExists, upload.str() + ": another model has its archive there; upload it once more"};
  }
  const Status status = registry.drafts().rename(upload.directory, upload.draft_name, upload.parent, upload.name, true);
  if (!status.ok() || is_document) return status;
  const MutexLock lock(writers_mutex);
  if (writers.size() >= kWritersMax) writers.clear();
  writers[raw(upload.file)] = upload.creator;
  return status;
}

Status FileSystem::State::take_state(const Credentials& who, const MountUpload& upload, const std::string& text) {
  const ModelstoreFacts facts = read_modelstore_document(text);
  if (facts.model_id != upload.stem) {
    return {Code::Malformed, "it is about the model '" + printable(facts.model_id) + "'"};
  }
  const auto release = [&]() -> Result<ReleaseRecord> {
    const auto stored = registry.snapshot();
    return stored.ok() ? stored->release_by_model_id(*upload.domain, upload.stem) : stored.status();
  }();
  if (!release.ok()) return release.status();
  const auto state = registry.drafts().name_of(upload.parent);
  if (!state.ok()) return state.status();
  return registry.set_state(*upload.domain, release->version, state->name, who);
}

Status FileSystem::State::check_copy(const MountUpload& upload, const std::string& text) {
  const ModelstoreFacts facts = read_modelstore_document(text);
  if (facts.domain != upload.domain->str()) {
    return {Code::Malformed, "it is about the domain '" + printable(facts.domain) + "'"};
  }
  const auto stored = registry.snapshot();
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

std::optional<Result<Opened>> FileSystem::State::open_rewrite(const Credentials& who, const Node& place,
                                                              bool truncates) {
  MountUpload upload;
  upload.seen_as = place.ino;
  std::string shown;
  if (place.kind == Kind::Text && place.rewrite == Node::Rewrite::Copy) {
    // The metadata itself is written once; what else shows it may be written again.
    const auto container = cache.find(place.container);
    if (!container.ok()) return container.status();
    const auto domain = DomainName::parse((*container)->domain);
    if (!domain.ok()) return domain.status();
    upload.kind = Upload::Copy;
    upload.domain = *domain;
    upload.name = shown = domain->str() + ".json";
  } else if (place.kind == Kind::Draft && place.container != kNoIno && truncates) {
    const auto parent = nodes.find(place.container);
    const auto stored = registry.snapshot();
    if (!parent || !stored.ok()) return std::nullopt;
    const CreateRule rule = create_rule_of(*stored, parent->place, place.target, FileType::Regular);
    if (rule.kind != CreateRule::Kind::Upload || rule.upload != Upload::ReplaceOnClose) return std::nullopt;
    auto planned = plan_modelstore_upload(parent->place, place.target, rule);
    if (!planned.ok()) return planned.status();
    upload = std::move(*planned);
    upload.seen_as = place.ino;
    shown = place.target;
    const MutexLock lock(writers_mutex);
    const auto writer = writers.find(raw(place.ino));
    if (writer != writers.end() && writer->second != process_of(who.pid) && is_alive(writer->second)) {
      return Status(Code::AlreadyExists, "another model has its archive there; upload it once more");
    }
  } else {
    return std::nullopt;
  }
  const NewDraft fresh_file{FileType::Regular, {who.uid, who.gid, 0644}, ""};
  const auto made = make_upload_file(who, std::move(upload), shown, fresh_file);
  if (!made.ok()) return made.status();
  auto opened = open_draft(who, made->ino, O_WRONLY);
  if (opened.ok()) opened->direct = true;  // these bytes are not those of the node that the kernel has
  return opened;
}

// Removing.

Status FileSystem::State::remove_by_client(const Credentials& who, const Node& parent, const Node& node,
                                           std::string_view name, RemoveRule::Step step) {
  using Step = RemoveRule::Step;
  if (step == Step::Directory) return hide_release_directory(node.container);
  const auto domain = DomainName::parse(node.domain);
  if (!domain.ok()) return domain.status();
  const auto container = cache.find(node.container);
  if (!container.ok()) return container.status();
  const std::string& version = (*container)->version;
  if (step == Step::Metadata) return remove_release_by_client(who, parent, *domain, version, node.container);
  if (step == Step::Tombstone) {
    const Status status = registry.forget_tombstone(*domain, version, who);
    (void)registry.drafts().unlink(parent.ino, name);  // what its client wrote before the removal
    return status;
  }
  if (step == Step::State) {
    const auto state = registry.drafts().name_of(parent.ino);
    return state.ok() ? registry.clear_state(*domain, version, state->name, who) : state.status();
  }
  if (step == Step::Placed) {
    if (Status status = registry.drop_archive_placement(*domain, version, who); !status.ok()) return status;
  }
  const MutexLock lock(hidden_mutex);
  hidden[raw(node.container)] = step == Step::Placed ? Hidden::Directory : Hidden::Archive;
  return {};
}

Status FileSystem::State::remove_release_by_client(const Credentials& who, const Node& parent, const DomainName& domain,
                                                   const std::string& version, Ino release) {
  const Status status = registry.remove_release(domain, version, who);
  if (!status.ok()) return refuse(who, parent.ino, "remove " + domain.str() + "/" + version, status);
  {
    const MutexLock lock(hidden_mutex);
    hidden.erase(raw(release));
  }
  // Its native name, which the kernel believes.
  if (const auto stored = registry.snapshot(); stored.ok()) {
    const auto head = stored->domain(domain);
    if (head.ok()) kernel.invalidate_entry_later(head->ino, version, KernelCache::Wait::Briefly);
  }
  return status;
}

Status FileSystem::State::hide_release_directory(Ino release) {
  const MutexLock lock(hidden_mutex);
  const auto found = hidden.find(raw(release));
  if (found == hidden.end()) return {Code::NotEmpty, "the archive of a model lies in it"};
  found->second = Hidden::Directory;
  return {};
}

bool FileSystem::State::is_being_removed(Ino release) const {
  const MutexLock lock(hidden_mutex);
  return hidden.contains(raw(release));
}

bool FileSystem::State::is_hidden(const Node& parent, const Node& node) const {
  // Of a layout's other directories none belongs to one release.
  const auto is_of_release = [](const Node& each) { return each.kind == Kind::Directory && each.container != kNoIno; };
  const bool is_archive = node.kind == Kind::Archive && is_of_release(parent);
  if (!is_of_release(node) && !is_archive) return false;
  const MutexLock lock(hidden_mutex);
  const auto found = hidden.find(raw(node.container));
  return found != hidden.end() && (is_archive || found->second == Hidden::Directory);
}

void FileSystem::State::drop_hidden(const Node& directory, std::vector<ListedNode>& names) const {
  if (directory.kind != Kind::Directory) return;
  const MutexLock lock(hidden_mutex);
  if (hidden.empty()) return;
  if (directory.container != kNoIno) {
    if (hidden.contains(raw(directory.container))) names.clear();
    return;
  }
  std::erase_if(names, [&](const ListedNode& each) {
    for (const auto& [release, what] : hidden) {
      if (what == Hidden::Directory && each.ino == ModelstoreLayout::directory_ino(Ino{release})) return true;
    }
    return false;
  });
}

}  // namespace modelfs
