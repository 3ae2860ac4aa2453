#include "ingest/modelstore_removals.h"

#include "layout/node.h"

namespace modelfs {

using Kind = Node::Kind;

Status ModelstoreRemovals::remove(const Credentials& who, const Node& parent, const Node& node, std::string_view name,
                                  RemoveRule::Step step) {
  using Step = RemoveRule::Step;
  if (step == Step::Directory) return hide_directory(node.container);
  const auto domain = DomainName::parse(node.domain);
  if (!domain.ok()) return domain.status();
  const auto container = layout_mount_.containers(node.container);
  if (!container.ok()) return container.status();
  const std::string& version = (*container)->version;
  if (step == Step::Metadata) return remove_release(who, parent, *domain, version, node.container);
  if (step == Step::Tombstone) {
    const Status status = registry_.model_states().forget_tombstone(*domain, version, who);
    (void)registry_.drafts().tree().unlink(parent.ino, name);  // what its client wrote before the removal
    return status;
  }
  if (step == Step::State) {
    const auto state = registry_.drafts().tree().name_of(parent.ino);
    return state.ok() ? registry_.model_states().clear(*domain, version, state->name, who) : state.status();
  }
  // Why at the first step: what follows it takes the states away, and the last would be refused.
  if (Status status = check_unlabelled(*domain, version); !status.ok()) {
    return mount_.refuse(who, parent.ino, "remove " + domain->str() + "/" + version, status);
  }
  if (step == Step::Placed) {
    if (Status status = registry_.model_states().drop_archive(*domain, version, who); !status.ok()) return status;
  }
  const MutexLock lock(mutex_);
  hidden_[raw(node.container)] = step == Step::Placed ? Hidden::Directory : Hidden::Archive;
  return {};
}

Status ModelstoreRemovals::remove_release(const Credentials& who, const Node& parent, const DomainName& domain,
                                          const std::string& version, Ino release) {
  const Status status = registry_.trash().remove(domain, version, who);
  released(release);  // also where it is refused: then the archive is there again
  if (!status.ok()) return mount_.refuse(who, parent.ino, "remove " + domain.str() + "/" + version, status);
  // Its native name, which the kernel believes.
  if (const auto stored = registry_.snapshot(); stored.ok()) {
    const auto head = stored->domain(domain);
    if (head.ok()) mount_.invalidate_entry(head->ino, version);
  }
  return status;
}

Status ModelstoreRemovals::check_unlabelled(const DomainName& domain, const std::string& version) const {
  const auto stored = registry_.snapshot();
  if (!stored.ok()) return stored.status();
  const auto label = stored->label_of(domain, version);
  if (!label.ok() || label->empty()) return label.status();
  return {Code::Busy, "it is named by the label '" + *label + "'; move or remove the label first"};
}

void ModelstoreRemovals::released(Ino release) {
  const MutexLock lock(mutex_);
  hidden_.erase(raw(release));
}

Status ModelstoreRemovals::hide_directory(Ino release) {
  const MutexLock lock(mutex_);
  const auto found = hidden_.find(raw(release));
  if (found == hidden_.end()) return {Code::NotEmpty, "the archive of a model lies in it"};
  found->second = Hidden::Directory;
  return {};
}

bool ModelstoreRemovals::is_being_removed(Ino release) const {
  const MutexLock lock(mutex_);
  return hidden_.contains(raw(release));
}

bool ModelstoreRemovals::is_hidden(const Node& parent, const Node& node) const {
  // Of a layout's other directories none belongs to one release.
  const auto is_of_release = [](const Node& each) { return each.kind == Kind::Directory && each.container != kNoIno; };
  const bool is_archive = node.kind == Kind::Archive && is_of_release(parent);
  if (!is_of_release(node) && !is_archive) return false;
  const MutexLock lock(mutex_);
  const auto found = hidden_.find(raw(node.container));
  return found != hidden_.end() && (is_archive || found->second == Hidden::Directory);
}

void ModelstoreRemovals::drop_hidden(const Node& directory, std::vector<ListedNode>& names) const {
  if (directory.kind != Kind::Directory) return;
  const MutexLock lock(mutex_);
  if (hidden_.empty()) return;
  if (directory.container != kNoIno) {
    if (hidden_.contains(raw(directory.container))) names.clear();
    return;
  }
  std::erase_if(names, [&](const ListedNode& each) {
    for (const auto& [release, what] : hidden_) {
      if (what == Hidden::Directory && each.ino == modelstore_directory_ino(Ino{release})) return true;
    }
    return false;
  });
}

}  // namespace modelfs
