// What the kernel knows: node numbers, where each stands, and how many references the kernel holds.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "catalog/manifest.h"
#include "layout/node.h"

namespace modelfs {

struct KnownNode {
  Node place;
  // A draft that lies directly over a domain or a release: shown to its owner only.
  bool in_place = false;
  std::uint64_t references = 0;
};

// Safe for concurrent use. About 80 bytes for each node: the kernel may know of millions.
class NodeTable {
 public:
  // Counts one reference to the node `number` (kNoIno: place.ino). A node that is known keeps its place unless it was a
  // draft and is committed now.
  void add(const Node& place, bool in_place, Ino number = kNoIno) EXCLUDES(mutex_);
  void forget(Ino ino, std::uint64_t references) EXCLUDES(mutex_);
  std::optional<KnownNode> find(Ino ino) const EXCLUDES(mutex_);
  // A published draft: each known node of `manifest` becomes the committed one, with the number it has. `root` is the
  // place of the release's or generation's own directory. Returns the directories among them that the kernel believed.
  std::vector<Ino> rebind_nodes(const Node& root, const Manifest& manifest) EXCLUDES(mutex_);
  // The known nodes of a domain.
  std::vector<Ino> of_domain(const std::string& domain) const EXCLUDES(mutex_);
  std::size_t size() const EXCLUDES(mutex_);

 private:
  // A Node without its texts.
  struct Kept {
    NodeFacts place;
    std::uint32_t domain = 0;  // index into domains_
    bool in_place = false;
    bool has_target = false;
    std::uint64_t references = 0;
  };
  using Nodes = std::unordered_map<std::uint64_t, Kept>;

  // Keeps `place` as that of the node.
  void put(Nodes::value_type& node, const Node& place) REQUIRES(mutex_);
  Node place_of(const Nodes::value_type& node) const REQUIRES(mutex_);

  mutable Mutex mutex_;  // leaf lock
  Nodes nodes_ GUARDED_BY(mutex_);
  std::unordered_map<std::uint64_t, std::string> targets_ GUARDED_BY(mutex_);  // of those nodes that have one
  // Every domain that any node was ever in; the first is none.
  std::vector<std::string> domains_ GUARDED_BY(mutex_) = {""};
  std::unordered_map<std::string, std::uint32_t> domain_numbers_ GUARDED_BY(mutex_) = {{"", 0}};
};

}  // namespace modelfs
