#include "vfs/node_table.h"

#include <algorithm>

namespace modelfs {

void NodeTable::add(const Place& place, bool in_place, Ino number) {
  const MutexLock lock(mutex_);
  Node& node = nodes_[raw(number == kNoIno ? place.ino : number)];
  const bool known = node.references > 0;
  ++node.references;
  // Why a committed node is left alone: a look-up that saw the draft may end after the commit that flipped it.
  if (!known || node.place.kind == Place::Kind::Draft) {
    node.place = place;
    node.in_place = in_place;
  }
}

void NodeTable::forget(Ino ino, std::uint64_t references) {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(raw(ino));
  if (found == nodes_.end()) return;
  found->second.references -= std::min(references, found->second.references);
  if (found->second.references == 0) nodes_.erase(found);
}

std::optional<Node> NodeTable::find(Ino ino) const {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(raw(ino));
  if (found == nodes_.end()) return std::nullopt;
  return found->second;
}

std::vector<Ino> NodeTable::flip(const Place& root, const Manifest& manifest) {
  std::vector<Ino> believed;
  const MutexLock lock(mutex_);
  for (std::uint32_t i = 0; i < manifest.entries().size(); ++i) {
    const auto found = nodes_.find(raw(manifest.at(i).ino));
    if (found == nodes_.end()) continue;
    Place& place = found->second.place;
    if (place.is_believed()) believed.push_back(place.ino);
    place = root;
    place.ino = manifest.at(i).ino;
    place.index = i;
    place.type = manifest.at(i).type;
    found->second.in_place = false;
  }
  return believed;
}

std::vector<Ino> NodeTable::of_domain(const std::string& domain) const {
  const MutexLock lock(mutex_);
  std::vector<Ino> inos;
  for (const auto& [number, node] : nodes_) {
    if (node.place.domain == domain) inos.push_back(Ino{number});
  }
  return inos;
}

std::size_t NodeTable::size() const {
  const MutexLock lock(mutex_);
  return nodes_.size();
}

}  // namespace modelfs
