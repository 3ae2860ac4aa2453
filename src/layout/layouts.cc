#include "layout/layouts.h"

#include "layout/modelstore/modelstore_layout.h"
#include "layout/native/native_layout.h"

namespace modelfs {

Layouts standard_layouts() {
  std::vector<std::unique_ptr<const Layout>> layouts;
  const auto next = [&] { return LayoutId{static_cast<std::uint8_t>(layouts.size())}; };
  layouts.push_back(std::make_unique<NativeLayout>());
  layouts.push_back(std::make_unique<ModelstoreLayout>(next()));
  return Layouts(std::move(layouts));
}

Result<Node> Layouts::child(const LayoutContext& context, const Node& parent, std::string_view name) const {
  if (parent.kind == Node::Kind::Root) {
    for (const auto& layout : layouts_) {
      if (!layout->root_name().empty() && layout->root_name() == name) return layout->root();
    }
  }
  return of(parent).child(context, parent, name);
}

Status Layouts::list(const LayoutContext& context, const Node& directory, std::vector<ListedNode>& names) const {
  if (Status status = of(directory).list(context, directory, names); !status.ok()) return status;
  if (directory.kind != Node::Kind::Root) return {};
  for (const auto& layout : layouts_) {
    if (layout->root_name().empty() || !layout->is_listed(context.stored)) continue;
    names.push_back({std::string(layout->root_name()), layout->root().ino, FileType::Directory});
  }
  return {};
}

Node Layouts::draft(const Node& parent, std::string_view name, Ino ino, FileType type) const {
  Node node;
  node.kind = Node::Kind::Draft;
  node.ino = ino;
  node.type = type;
  for (const auto& layout : layouts_) {
    if (layout->adopt_draft(parent, name, node)) break;
  }
  return node;
}

}  // namespace modelfs
