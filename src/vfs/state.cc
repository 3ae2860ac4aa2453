// Nodes: what every operation of the file system leans on.
#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

FileSystem::State::State(Registry& registry_in, Ingest& ingest_in, KernelCache& kernel_in, Layouts layouts_in,
                         Options options_in)
    : registry(registry_in),
      kernel(kernel_in),
      options(std::move(options_in)),
      cache(registry_in),
      open_nodes(options.kernel_reads),
      layouts(std::move(layouts_in)),
      layout_mount(make_layout_mount()),
      refusals(registry_in.events()),
      documents(registry_in, layouts, layout_mount,
                {registry_in, options, mounted, nodes, open_nodes, handles, cache, traffic}),
      client_writes(registry_in, ingest_in, layouts, layout_mount, *this, options.mount_point) {
  // The kernel knows the root without asking.
  nodes.add(layouts.root(), false);
}

LayoutMount FileSystem::State::make_layout_mount() {
  LayoutMount mount;
  mount.containers = [this](Ino ino) { return cache.find(ino); };
  mount.find_draft = [this](Ino directory) { return find_draft(directory); };
  mount.is_being_removed = [this](Ino release) { return client_writes.removals.is_being_removed(release); };
  mount.root_owner = [this] { return root_owner(); };
  // What is inside has its own owner and mode.
  mount.system_owner = {options.owner_uid, options.owner_gid, 0555};
  mount.mounted = mounted;
  mount.path = options.client_root.empty() ? options.mount_point : options.client_root;
  return mount;
}

std::optional<DraftPosition> FileSystem::State::find_draft(Ino directory) const {
  const auto named = registry.drafts().tree().name_of(directory);
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

std::optional<Node> FileSystem::State::find_node(Ino ino) const {
  auto known = nodes.find(ino);
  return known ? std::optional(std::move(known->place)) : std::nullopt;
}

CreateRule FileSystem::State::create_rule_of(const Snapshot& stored, const Node& parent, std::string_view name,
                                             FileType type) const {
  return layouts.of(parent).create_rule(context(stored), parent, name, type);
}

Result<Node> FileSystem::State::committed_child(const Snapshot& stored, const Node& parent,
                                                std::string_view name) const {
  auto place = layouts.child(context(stored), parent, name);
  if (place.ok() && client_writes.removals.is_hidden(parent, *place)) {
    return Status(Code::NotFound, "'" + printable(name) + "' was removed from this layout");
  }
  if (place.ok()) documents.renumber(*place);
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
    number = in_block(Ino{next_node.fetch_add(1, std::memory_order_relaxed)}, kNodeBlock);
  }
  nodes.add(place, false, number);
  auto attributes = describe({place, false, 1}, &stored);
  if (!attributes.ok()) {
    nodes.forget(number == kNoIno ? place.ino : number, 1);
    return attributes.status();
  }
  return Entry{*attributes, number, place.kind == Kind::Stage ? stage_lives.of(place.domain) : 0, name_valid_seconds};
}

Result<Entry> FileSystem::State::enter_draft(const DraftInode& inode, const Node& parent, std::string_view name) {
  const bool in_place = is_closed(parent, inode.record.type, name);
  Node place = layouts.draft(parent, name, inode.ino, inode.record.type);
  place.in_stage = place.type == FileType::Directory && holds_believed_drafts(parent) && !name.starts_with(kPutPrefix);
  nodes.add(place, in_place);
  // Files may turn out to be uploads or markers, and are gone with the close that publishes them.
  const double name_valid_seconds = place.in_stage ? kToldSeconds : 0;
  return Entry{describe_inode(inode, in_place, place.in_stage), kNoIno, 0, name_valid_seconds};
}

Result<Entry> FileSystem::State::enter_known(const KnownNode& node) {
  const auto attributes = describe(node);
  if (!attributes.ok()) {
    nodes.forget(node.place.ino, 1);
    return attributes.status();
  }
  return Entry{*attributes, kNoIno, 0, 0};
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

std::vector<Ino> FileSystem::open_containers() const {
  std::vector<Ino> containers;
  for (const Ino ino : state_->open_nodes.all()) {
    const auto node = state_->nodes.find(ino);
    if (node && node->place.container != kNoIno) containers.push_back(node->place.container);
  }
  return containers;
}

void FileSystem::domain_changed(const DomainName& domain) {
  for (const Ino ino : state_->nodes.of_domain(domain.str())) state_->kernel.invalidate_attributes(ino);
}

// Why the kernel must know: it binds a directory to one name. If it met the old node under its new name inside a
// rename, it would have to move the name while it holds the lock for moving names, and answers ESTALE instead
// (d_splice_alias).
void FileSystem::moved_away(Ino directory, const std::string& name) {
  state_->kernel.invalidate_entry(directory, name);
  state_->release_is_gone(directory, name);
}

// Why the attributes first, which need no lock of a directory: from then on the kernel asks about the face itself, and
// hears from check_face() that it has to ask for the name again, as long as the name is not invalidated.
void FileSystem::State::release_is_gone(Ino directory, std::string_view version) {
  const auto node = nodes.find(directory);
  if (!node) return;
  const auto stored = registry.snapshot();
  const auto domain = DomainName::parse(node->place.domain);
  if (!domain.ok() || !stored.ok()) return;
  const auto removed = stored->removed(*domain, version);
  if (!removed.ok()) return;
  client_writes.removals.released(removed->ino);
  for (const ListedNode& face : layouts.of(node->place).faces_of(node->place, *removed)) {
    if (!nodes.find(face.ino)) continue;  // the kernel has not asked for it, or has forgotten it
    kernel.invalidate_attributes(face.ino);
    kernel.invalidate_entry_later(directory, face.name, KernelCache::Wait::None);
  }
}

Status FileSystem::State::check_face(const Node& place) {
  if (place.kind != Kind::Text && place.kind != Kind::Archive) return {};
  if (open_nodes.find(place.ino)) return {};  // whoever has it open goes on
  const auto stored = moment();
  if (!stored.ok()) return stored.status();
  const auto gone = layouts.of(place).is_gone({*stored, layout_mount}, place);
  if (!gone.ok()) return gone.status();
  return *gone ? Status(Code::Stale, "its release was removed") : Status();
}

}  // namespace modelfs
