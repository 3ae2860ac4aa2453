// The native layout: /<domain>/<version>/…, /<domain>/latest, labels, faces, /.modelfs.
#pragma once
#include <string_view>
#include <vector>

#include "layout/layout.h"

namespace modelfs {

class NativeLayout final : public Layout {
 public:
  std::string_view root_name() const override { return ""; }
  Node root() const override;
  Result<Node> child(const LayoutContext& context, const Node& parent, std::string_view name) const override;
  // Generated faces are not listed.
  Status list(const LayoutContext& context, const Node& directory, std::vector<ListedNode>& names) const override;
  Result<Ino> parent(const LayoutContext& context, const Node& directory) const override;
  Result<Attributes> attributes(const LayoutContext& context, const Node& node,
                                std::uint64_t content_bytes) const override;
  Result<std::string> text(const LayoutContext& context, const Node& node) const override;
  CreateRule create_rule(const LayoutContext& context, const Node& parent, std::string_view name,
                         FileType type) const override;
  RemoveRule remove_rule(const Node& parent, const Node& node, std::string_view name) const override;
  bool is_marker(const Manifest& manifest, const Node& file) const override;
  bool is_face(const Node& parent, std::string_view name, const Node& node) const override;
  Result<bool> is_gone(const LayoutContext& context, const Node& face) const override;
  std::vector<ListedNode> faces_of(const Node& directory, const ReleaseRecord& release) const override;
  bool holds_drafts(const Node& directory) const override;
};

}  // namespace modelfs
