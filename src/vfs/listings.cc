// What the directory calls do.
#include <algorithm>
#include <iterator>
#include <unordered_set>

#include "vfs/state.h"

namespace modelfs {

using Kind = Node::Kind;

bool FileSystem::State::has_drafts(Ino directory) const {
  const auto drafts = registry.drafts().tree().list(directory);
  return drafts.ok() && !drafts->empty();
}

Status FileSystem::State::add_drafts(const Listing& listing, std::vector<ListedNode>& names) {
  auto drafts = registry.drafts().tree().list(listing.directory.ino);
  if (!drafts.ok()) return drafts.status();
  const bool holds_generations = listing.directory.is_release_directory();
  for (DraftName& draft : *drafts) {
    // A server that looks for the greatest number would take one that is being written for a generation. An empty stage
    // would be content of each copy.
    if (holds_generations && draft.type == FileType::Directory && !(draft.name == kStageName && has_drafts(draft.ino)))
      continue;
    if (is_closed(listing.directory, draft.type, draft.name) && listing.who.uid != 0) {
      const auto inode = registry.drafts().tree().stat(draft.ino);
      if (!inode.ok() || inode->record.owner.uid != listing.who.uid) continue;
    }
    names.push_back({std::move(draft.name), draft.ino, draft.type});
  }
  return {};
}

Result<Ino> FileSystem::State::parent_of(const Node& directory) {
  if (directory.kind == Kind::Draft) {
    const auto inode = registry.drafts().tree().stat(directory.ino);
    if (!inode.ok()) return inode.status();
    return inode->record.parent;
  }
  const auto stored = registry.snapshot();
  if (!stored.ok()) return stored.status();
  return layouts.of(directory).parent(context(*stored), directory);
}

Status FileSystem::State::make_listing(Listing& listing) {
  std::vector<ListedNode> names;
  const Node& directory = listing.directory;
  // A directory that was removed while it was open stands nowhere.
  const auto parent = parent_of(directory);
  listing.parent = parent.ok() ? *parent : directory.ino;
  // Why before what is committed: a draft that is published between the two is then in both, not in neither.
  std::vector<ListedNode> drafts;
  if (layouts.holds_drafts(directory)) {
    if (Status status = add_drafts(listing, drafts); !status.ok()) return status;
  }
  if (layouts.shows_committed(directory)) {
    const auto stored = registry.snapshot();
    if (!stored.ok()) return stored.status();
    if (Status status = layouts.list(context(*stored), directory, names); !status.ok()) return status;
    client_writes.removals.drop_hidden(directory, names);
    if (directory.ino == kSystemIno) documents.list_events(*stored, directory, names);
    if (directory.kind == Kind::Domain) {
      const auto stage = committed_child(*stored, directory, ".stage");
      if (!stage.ok()) return stage.status();
      if (has_drafts(stage->ino)) names.push_back({".stage", stage->ino, FileType::Directory});
    }
  }
  if (!drafts.empty()) {
    // A release's former draft keeps its names until it is swept; what is committed goes first, as in a look-up.
    std::unordered_set<std::string> committed;
    for (const ListedNode& place : names) committed.insert(place.name);
    std::erase_if(drafts, [&](const ListedNode& draft) { return committed.contains(draft.name); });
    std::move(drafts.begin(), drafts.end(), std::back_inserter(names));
  }
  listing.names = std::move(names);
  listing.is_made = true;
  return {};
}

Result<OpenedDirectory> FileSystem::open_directory(const Credentials& who, Ino ino) {
  const auto node = state_->node(ino);
  if (!node.ok()) return node.status();
  if (node->place.type != FileType::Directory) return Status(Code::NotADirectory, "not a directory");
  auto opened = std::make_shared<OpenHandle>();
  opened->ino = ino;
  const MutexLock lock(opened->mutex);
  opened->listing = std::make_unique<Listing>();
  opened->listing->who = who;
  // As for the names in it: those of a release's and generation's own directory are not all of the package.
  return OpenedDirectory{state_->handles.keep(opened), node->place.kind == Kind::Entry && node->place.index != 0};
}

Status FileSystem::list(Handle handle, std::uint64_t offset, const std::function<bool(const ListedName&)>& visit) {
  const auto opened = state_->handles.find(handle);
  if (!opened.ok()) return opened.status();
  const MutexLock lock((*opened)->mutex);
  if (!(*opened)->listing) return {Code::NotADirectory, "not a directory"};
  Listing& listing = *(*opened)->listing;
  // Why also elsewhere: the kernel keeps the listings of what never changes. Who reads one from there comes to us in
  // the middle of it when the kernel has dropped the rest.
  if (offset == 0 || !listing.is_made) {
    const auto node = state_->node((*opened)->ino);  // what it is now: a draft may have been published
    if (!node.ok()) return node.status();
    listing.directory = node->place;
    if (Status status = state_->make_listing(listing); !status.ok()) return status;
  }
  const Ino self = (*opened)->ino;
  for (std::uint64_t i = offset; i < listing.names.size() + 2; ++i) {
    ListedName name;
    if (i < 2) {
      name = {i == 0 ? "." : "..", i == 0 ? self : listing.parent, FileType::Directory, i + 1};
    } else {
      const ListedNode& place = listing.names[i - 2];
      name = {place.name, place.ino, place.type, i + 1};
    }
    if (!visit(name)) return {};
  }
  return {};
}

void FileSystem::release_directory(Handle handle) { (void)state_->handles.drop(handle); }

}  // namespace modelfs
