// The layouts of a mount.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "layout/layout.h"

namespace modelfs {

// Finds the layout of a node. Immutable, safe for concurrent use.
class Layouts {
 public:
  // The first is the native one, whose root is that of the mount; each other's LayoutId is its position.
  explicit Layouts(std::vector<std::unique_ptr<const Layout>> layouts) : layouts_(std::move(layouts)) {}

  const Layout& of(const NodeFacts& node) const { return *layouts_[raw(node.layout)]; }
  Node root() const { return layouts_.front()->root(); }

  // As those of Layout. The mount's root also shows the roots of the other layouts.
  Result<Node> child(const LayoutContext& context, const Node& parent, std::string_view name) const;
  Status list(const LayoutContext& context, const Node& directory, std::vector<ListedNode>& names) const;

  // True where what is committed has names: everywhere but in most drafts.
  bool shows_committed(const Node& directory) const {
    return directory.kind != Node::Kind::Draft || !directory.domain.empty();
  }
  bool holds_drafts(const Node& directory) const { return of(directory).holds_drafts(directory); }
  // The node of a draft that is called `name` in `parent`.
  Node draft(const Node& parent, std::string_view name, Ino ino, FileType type) const;

 private:
  std::vector<std::unique_ptr<const Layout>> layouts_;
};

// All that modelfs has. A new layout is one line there.
Layouts standard_layouts();

}  // namespace modelfs
