#include "vfs/open_nodes.h"

namespace modelfs {

std::optional<OpenNodes::Node> OpenNodes::join(Ino ino, std::optional<Node> first) {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(raw(ino));
  const bool is_open = found != nodes_.end();
  if (!is_open && !first) return std::nullopt;
  Node& node = is_open ? found->second : nodes_[raw(ino)];
  if (!is_open) {
    node = *first;
    if (node.backing != kNoBacking) ++figures_.lent;
  }
  ++node.opens;
  return node;
}

void OpenNodes::count(const Node& opened) {
  const MutexLock lock(mutex_);
  ++(opened.backing == kNoBacking ? figures_.by_daemon : figures_.by_kernel);
}

std::unique_ptr<const OpenNodes::Open> OpenNodes::open(Ino ino, std::optional<int> descriptor, bool only_writes) {
  auto node = join(ino, std::nullopt);
  if (!node) {
    // Two threads may get here at once; then one of them registers in vain.
    const Backing lent = descriptor && kernel_ != nullptr ? kernel_->register_backing(*descriptor) : kNoBacking;
    node = join(ino, Node{lent, only_writes && kernel_ != nullptr && kernel_->maps_direct_files()});
    if (lent != kNoBacking && node->backing != lent) kernel_->unregister_backing(lent);
  }
  count(*node);
  return std::make_unique<const Open>(*this, ino, node->backing, node->is_direct);
}

std::unique_ptr<const OpenNodes::Open> OpenNodes::open_document(Ino ino) {
  const auto node = join(ino, Node{});
  return std::make_unique<const Open>(*this, ino, node->backing, node->is_direct);
}

void OpenNodes::close(Ino ino) {
  Backing unused = kNoBacking;
  {
    const MutexLock lock(mutex_);
    const auto found = nodes_.find(raw(ino));
    if (--found->second.opens > 0) return;
    unused = found->second.backing;
    nodes_.erase(found);
    if (unused != kNoBacking) --figures_.lent;
  }
  if (unused != kNoBacking) kernel_->unregister_backing(unused);
}

std::optional<Backing> OpenNodes::find(Ino ino) const {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(raw(ino));
  if (found == nodes_.end()) return std::nullopt;
  return found->second.backing;
}

std::vector<Ino> OpenNodes::all() const {
  const MutexLock lock(mutex_);
  std::vector<Ino> open;
  open.reserve(nodes_.size());
  for (const auto& [number, node] : nodes_) open.push_back(Ino{number});
  return open;
}

ReadMode OpenNodes::mode() const {
  return kernel_ != nullptr ? kernel_->mode() : ReadMode{false, "only the daemon can read"};
}

OpenNodes::Figures OpenNodes::figures() const {
  const MutexLock lock(mutex_);
  return figures_;
}

}  // namespace modelfs
