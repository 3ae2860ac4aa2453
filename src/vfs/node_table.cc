#include "vfs/node_table.h"

#include <algorithm>

namespace modelfs {

void NodeTable::put(Nodes::value_type& node, const Node& place) {
  Kept& kept = node.second;
  const auto [domain, is_new] = domain_numbers_.emplace(place.domain, static_cast<std::uint32_t>(domains_.size()));
  if (is_new) domains_.push_back(place.domain);
  if (kept.has_target) targets_.erase(node.first);
  if (!place.target.empty()) targets_[node.first] = place.target;
  kept.place = place;
  kept.domain = domain->second;
  kept.has_target = !place.target.empty();
}

Node NodeTable::place_of(const Nodes::value_type& node) const {
  const Kept& kept = node.second;
  Node place{kept.place, domains_[kept.domain], ""};
  if (kept.has_target) place.target = targets_.at(node.first);
  return place;
}

void NodeTable::add(const Node& place, bool in_place, Ino number) {
  const MutexLock lock(mutex_);
  auto& node = *nodes_.try_emplace(raw(number == kNoIno ? place.ino : number)).first;
  const bool known = node.second.references > 0;
  ++node.second.references;
  // Why a committed node is left alone: a look-up that saw the draft may end after the commit that flipped it.
  if (known && node.second.place.kind != Node::Kind::Draft) return;
  put(node, place);
  node.second.in_place = in_place;
}

void NodeTable::forget(Ino ino, std::uint64_t references) {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(raw(ino));
  if (found == nodes_.end()) return;
  found->second.references -= std::min(references, found->second.references);
  if (found->second.references > 0) return;
  if (found->second.has_target) targets_.erase(found->first);
  nodes_.erase(found);
}

std::optional<KnownNode> NodeTable::find(Ino ino) const {
  const MutexLock lock(mutex_);
  const auto found = nodes_.find(raw(ino));
  if (found == nodes_.end()) return std::nullopt;
  return KnownNode{place_of(*found), found->second.in_place, found->second.references};
}

std::vector<Ino> NodeTable::rebind_nodes(const Node& root, const Manifest& manifest) {
  std::vector<Ino> believed;
  const MutexLock lock(mutex_);
  for (std::uint32_t i = 0; i < manifest.entries().size(); ++i) {
    const auto found = nodes_.find(raw(manifest.at(i).ino));
    if (found == nodes_.end()) continue;
    if (found->second.place.is_believed()) believed.push_back(found->second.place.ino);
    Node place = root;
    place.ino = manifest.at(i).ino;
    place.index = i;
    place.type = manifest.at(i).type;
    put(*found, place);
    found->second.in_place = false;
  }
  return believed;
}

std::vector<Ino> NodeTable::of_domain(const std::string& domain) const {
  const MutexLock lock(mutex_);
  std::vector<Ino> inos;
  const auto wanted = domain_numbers_.find(domain);
  if (wanted == domain_numbers_.end()) return inos;
  for (const auto& [number, node] : nodes_) {
    if (node.domain == wanted->second) inos.push_back(Ino{number});
  }
  return inos;
}

std::size_t NodeTable::size() const {
  const MutexLock lock(mutex_);
  return nodes_.size();
}

}  // namespace modelfs
