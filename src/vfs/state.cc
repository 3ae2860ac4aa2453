// Nodes, handles and reasons: what every operation of the file system leans on.
#include "vfs/state.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace modelfs {

using Kind = Node::Kind;

FileSystem::State::State(Registry& registry_in, Ingest& ingest_in, KernelCache& kernel_in, Layouts layouts_in,
                         Options options_in)
    : registry(registry_in),
      ingest(ingest_in),
      kernel(kernel_in),
      options(std::move(options_in)),
      cache(registry_in),
      open_nodes(options.kernel_reads),
      layouts(std::move(layouts_in)),
      layout_mount(make_layout_mount()) {
  // The kernel knows the root without asking.
  nodes.add(layouts.root(), false);
}

LayoutMount FileSystem::State::make_layout_mount() {
  LayoutMount mount;
  mount.containers = [this](Ino ino) { return cache.find(ino); };
  mount.find_draft = [this](Ino directory) { return find_draft(directory); };
  mount.is_being_removed = [this](Ino release) { return is_being_removed(release); };
  mount.root_owner = [this] { return root_owner(); };
  // What is inside has its own owner and mode.
  mount.system_owner = {options.owner_uid, options.owner_gid, 0555};
  mount.mounted = mounted;
  mount.path = options.client_root.empty() ? options.mount_point : options.client_root;
  return mount;
}

std::optional<DraftPosition> FileSystem::State::find_draft(Ino directory) const {
  const auto named = registry.const_drafts().name_of(directory);
  if (!named.ok()) return std::nullopt;
  DraftPosition position{named->directory, {}, named->name};
  if (auto above = nodes.find(named->directory)) position.above = std::move(above->place);
  return position;
}

bool FileSystem::State::is_adopted(const Node& parent, std::string_view name) const {
  return !layouts.draft(parent, name, kNoIno, FileType::Directory).domain.empty();
}

FileSystem::FileSystem(Registry& registry, Ingest& ingest, KernelCache& kernel, Layouts layouts, Options options)
    : state_(std::make_unique<State>(registry, ingest, kernel, std::move(layouts), std::move(options))) {}

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

Result<Node> FileSystem::State::committed_child(const Snapshot& stored, const Node& parent,
                                                std::string_view name) const {
  auto place = layouts.child(context(stored), parent, name);
  if (place.ok() && is_hidden(parent, *place)) {
    return Status(Code::NotFound, "'" + printable(name) + "' was removed from this layout");
  }
  if (place.ok() && place->kind == Kind::MountFile && place->ino == Ino{kEventsInoFirst}) {
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
  if (place.rewrite == Node::Rewrite::Copy) {
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
  Node place = layouts.draft(parent, name, inode.ino, inode.record.type);
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
void FileSystem::moved_away(Ino directory, const std::string& name) {
  state_->kernel.invalidate_entry(directory, name);
}

// Texts.

Result<std::string> FileSystem::State::text_of(const Node& place) {
  if (place.ino == kMetricsIno) return metrics_text();
  if (place.kind == Kind::MountFile) return status_text();
  const auto stored = moment();
  return stored.ok() ? layouts.of(place).text(context(*stored), place) : stored.status();
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
