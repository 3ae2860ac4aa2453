// Nodes, handles and reasons: what every operation of the file system leans on.
#include "vfs/state.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "formats/metadata.h"
#include "formats/metadata_splice.h"
#include "formats/modelstore_document.h"
#include "formats/forml_tag.h"
#include "layout/modelstore/modelstore_layout.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

// Where a draft file that is written anew is another one until its close.
bool may_be_rewritten(const Node& parent) {
  return parent.kind == Kind::ModelstoreStates || parent.kind == Kind::ModelstoreDeleted ||
         (parent.kind == Kind::Draft && !parent.domain.empty());
}

}  // namespace

FileSystem::State::State(Registry& registry_in, KernelCache& kernel_in, Options options_in)
    : registry(registry_in),
      kernel(kernel_in),
      options(std::move(options_in)),
      cache(registry_in),
      open_nodes(options.kernel_reads) {
  // The kernel knows the root without asking.
  Node root;
  root.kind = Kind::Root;
  root.ino = kRootIno;
  nodes.add(root, false);
}

FileSystem::FileSystem(Registry& registry, KernelCache& kernel, Options options)
    : state_(std::make_unique<State>(registry, kernel, std::move(options))) {}

FileSystem::~FileSystem() = default;

void FileSystem::forget(Ino ino, std::uint64_t references) {
  if (ino == kRootIno) return;
  state_->nodes.forget(ino, references);
  if (!state_->page_sources.empty() && !state_->nodes.find(ino)) state_->page_sources.forget(ino);
}

Result<KnownNode> FileSystem::State::node(Ino ino) const {
  auto found = nodes.find(ino);
  if (!found) return Status(Code::Stale, "node " + std::to_string(raw(ino)) + " is not known");
  return std::move(*found);
}

Node FileSystem::State::draft_node(Ino ino, FileType type) {
  Node place;
  place.kind = Kind::Draft;
  place.ino = ino;
  place.type = type;
  return place;
}

Result<Node> FileSystem::State::committed_child(const Snapshot& stored, const Node& parent,
                                                 std::string_view name) const {
  auto& containers_cache = const_cast<ContainerCache&>(cache);
  auto place = NativeLayout::child(
      stored, [&](Ino ino) { return containers_cache.find(ino); }, parent, name);
  if (place.ok() && is_hidden(parent, *place)) {
    return Status(Code::NotFound, "'" + printable(name) + "' was removed from this layout");
  }
  if (place.ok() && place->kind == Kind::Events && place->ino != kOldEventsIno) {
    place->ino = Ino{kEventsInoFirst + registry.const_events().rotation_count() % kEventsInoCount};
  }
  return place;
}

Result<Node> FileSystem::State::committed_now(const Node& parent, std::string_view name) const {
  const auto stored = registry.snapshot();
  return stored.ok() ? committed_child(*stored, parent, name) : stored.status();
}

Result<Snapshot> FileSystem::State::moment() const {
  const auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  return stored->reading_once();
}

Result<Entry> FileSystem::State::enter(const Snapshot& stored, const Node& place, double name_valid_seconds) {
  Ino number = kNoIno;
  if (place.kind == Kind::Document && place.in_modelstore) {
    // Why a node for each look-up: it may be written anew, and open(O_TRUNC) makes the kernel take the node's size for
    // 0 at once, also for who has it open and reads it by sendfile(2).
    number = Ino{registry.take_number()};
  }
  nodes.add(place, false, number);
  auto attributes = describe({place, false, 1}, &stored);
  if (!attributes.ok()) {
    nodes.forget(number == kNoIno ? place.ino : number, 1);
    return attributes.status();
  }
  return Entry{*attributes, number, name_valid_seconds};
}

Result<Entry> FileSystem::State::enter_draft(const DraftInode& inode, const Node& parent, std::string_view name) {
  const bool in_place = is_in_place(parent);
  Node place = draft_node(inode.ino, inode.record.type);
  if (place.type == FileType::Directory && NativeLayout::holds_placements(parent, name)) place.domain = parent.domain;
  if (place.type == FileType::Regular && may_be_rewritten(parent)) {
    place.container = parent.ino;
    place.target = name;
  }
  place.in_stage = place.type == FileType::Directory && holds_believed_drafts(parent) && !name.starts_with(kPutPrefix);
  nodes.add(place, in_place);
  // Files may turn out to be uploads or markers, and are gone with the close that publishes them.
  const double name_valid_seconds = place.in_stage ? kToldSeconds : 0;
  return Entry{describe_inode(inode, in_place, place.in_stage), kNoIno, name_valid_seconds};
}

Result<Entry> FileSystem::State::enter_known(const KnownNode& node) {
  const auto attributes = describe(node);
  if (!attributes.ok()) {
    nodes.forget(node.place.ino, 1);
    return attributes.status();
  }
  return Entry{*attributes, kNoIno, 0};
}

// Reasons.

void FileSystem::State::remember_error(Ino where, uid_t user, std::string reason) {
  const MutexLock lock(errors_mutex);
  if (errors.size() >= kErrorsMax) errors.erase(errors.begin());
  errors[{raw(where), user}] = std::move(reason);
}

Status FileSystem::State::refuse(const Credentials& who, Ino where, const std::string& what, Status status) {
  remember_error(where, who.uid, what + ": " + status.message());
  registry.events().append("refused", {{"what", what}, {"reason", status.message()}, {"by", user_name(who.uid)}});
  return status;
}

// Targets.

Result<Target> FileSystem::State::target_of(const Node& parent, const CreateRule& rule, bool is_generation,
                                            std::string_view version) {
  std::string release(version);
  if (is_generation) {
    const auto container = cache.find(parent.container);
    if (!container.ok()) return container.status();
    release = (*container)->version;
  }
  auto domain = DomainName::parse(parent.domain);
  if (!domain.ok()) return domain.status();
  auto name = VersionName::parse(release);
  if (!name.ok()) return name.status();
  return Target{std::move(*domain), std::move(*name), is_generation, rule.number};
}

// Handles.

Handle FileSystem::State::keep(std::shared_ptr<OpenHandle> handle) {
  const MutexLock lock(handles_mutex);
  const std::uint64_t number = ++last_handle;
  handles[number] = std::move(handle);
  return Handle{number};
}

Result<std::shared_ptr<OpenHandle>> FileSystem::State::handle(Handle number) const {
  const MutexLock lock(handles_mutex);
  const auto found = handles.find(raw(number));
  if (found == handles.end()) return Status(Code::BadHandle, "handle " + std::to_string(raw(number)) + " is not open");
  return found->second;
}

std::shared_ptr<OpenHandle> FileSystem::State::drop(Handle number) {
  const MutexLock lock(handles_mutex);
  const auto found = handles.find(raw(number));
  if (found == handles.end()) return nullptr;
  auto handle = std::move(found->second);
  handles.erase(found);
  return handle;
}

// Commits that did not come through this mount.

void FileSystem::published(const Published& published) { state_->rebind_nodes(published); }

void FileSystem::State::rebind_nodes(const Published& published) {
  bool is_release = published.generation == kNoGeneration;
  for (const auto& [ino, manifest] : published.containers) {
    Node root;
    root.kind = Kind::Entry;
    root.ino = root.container = ino;
    root.domain = published.domain;
    root.is_release = is_release;
    for (const Ino directory : nodes.rebind_nodes(root, *manifest)) kernel.invalidate_attributes(directory);
    is_release = false;  // what follows a release are its generations
  }
}

void FileSystem::domain_changed(const DomainName& domain) {
  for (const Ino ino : state_->nodes.of_domain(domain.str())) state_->kernel.invalidate_attributes(ino);
}

// Why the kernel must know: it binds a directory to one name. If it met the old node under its new name inside a
// rename, it would have to move the name while it holds the lock for moving names, and answers ESTALE instead
// (d_splice_alias).
void FileSystem::moved_away(Ino directory, const std::string& name) { state_->kernel.invalidate_entry(directory, name); }

// Texts.

Result<std::string> FileSystem::State::path_of(const Node& place) {
  const auto container = cache.find(place.container);
  if (!container.ok()) return container.status();
  std::string path = (*container)->domain + "/" + (*container)->version;
  if ((*container)->generation != kNoGeneration) path += "/" + std::to_string(raw((*container)->generation));
  if (place.kind == Kind::Entry && place.index != 0) path += "/" + (*container)->manifest->path_of(place.index);
  return path;
}

Result<std::string> FileSystem::State::document(const Snapshot& stored, const Node& place) const {
  if (place.kind == Kind::Tag) return make_tag(place.time);
  auto text = stored.metadata(place.container);
  if (!text.ok()) return text.status();
  if (place.given && !place.is_release) return text;
  auto& self = const_cast<State&>(*this);
  const std::string& root = options.client_root.empty() ? options.mount_point : options.client_root;
  if (!place.given && !place.in_modelstore) {
    const auto path = self.path_of(place);
    if (!path.ok()) return path.status();
    return present_metadata(*text, {root, root + "/" + *path});
  }
  const auto container = self.cache.find(place.container);
  if (!container.ok()) return container.status();
  const auto domain = DomainName::parse((*container)->domain);
  if (!domain.ok()) return domain.status();
  const auto release = stored.release_of(*domain, **container);
  if (!release.ok()) return release.status();
  const auto path = ModelstoreLayout::archive_path(stored, domain->str(), place.container, release->model_id,
                                                 is_removed_in_modelstore(*domain, *release, stored));
  if (!path.ok()) return path.status();
  const std::string shaped = place.given ? *text : shape_for_modelstore(*text, "");
  auto spliced = splice_storage(shaped, root, root + "/" + *path);
  // It says nothing of a place.
  return spliced.code() == Code::NotFound ? Result<std::string>(shaped) : spliced;
}

Result<std::string> FileSystem::State::text_of(const Node& place) {
  if (place.ino == kMetricsIno) return metrics_text();
  if (place.kind == Kind::Status) return status_text();
  const auto stored = moment();
  return stored.ok() ? document(*stored, place) : stored.status();
}

Result<std::string> FileSystem::State::status_text() {
  nlohmann::ordered_json text;
  text["version"] = MODELFS_VERSION;
  text["store"] = options.store_path;
  text["mount_point"] = options.mount_point;
  text["pid"] = ::getpid();
  text["mounted"] = iso_time(mounted);
  text["read_only"] = options.read_only;
  const ReadMode mode = open_nodes.mode();
  const OpenNodes::Figures opens = open_nodes.figures();
  text["reads"]["mode"] = mode.name();
  if (!mode.by_kernel) text["reads"]["reason"] = mode.reason;
  text["reads"]["opens_by_kernel"] = opens.by_kernel;
  text["reads"]["opens_by_daemon"] = opens.by_daemon;
  text["reads"]["files_lent"] = opens.lent;
  if (options.request_counts) {
    text["requests"] = nlohmann::ordered_json::object();
    for (const auto& [kind, count] : options.request_counts()) text["requests"][kind] = count;
  }
  text["known_nodes"] = nodes.size();
  {
    const MutexLock lock(handles_mutex);
    text["open_handles"] = handles.size();
  }
  const auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  std::size_t domains = 0;
  if (Status status = stored->for_each_domain([&](const DomainName&, const DomainRecord&) { return ++domains > 0; });
      !status.ok()) {
    return status;
  }
  text["domains"] = domains;
  const auto drafts = registry.list_drafts(std::nullopt);
  if (!drafts.ok()) return drafts.status();
  text["drafts"] = nlohmann::ordered_json::array();
  for (const DraftSummary& draft : *drafts) {
    text["drafts"].push_back({{"path", draft.path},
                              {"under_version", draft.under_version},
                              {"files", draft.files},
                              {"bytes", draft.bytes},
                              {"changed", iso_time(draft.changed)},
                              {"owner", user_name(draft.owner.uid)}});
  }
  return text.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace modelfs
