#include "layout/layout.h"

namespace modelfs {

bool Layout::is_listed(const Snapshot&) const { return false; }

CreateRule Layout::create_rule(const LayoutContext&, const Node&, std::string_view, FileType) const {
  return CreateRule::refused(Code::Immutable, "this view of what is published cannot be changed");
}

RemoveRule Layout::remove_rule(const Node&, const Node&, std::string_view) const {
  return {RemoveRule::Kind::Refused, RemoveRule::Step::None,
          Status(Code::Immutable, "this view of what is published cannot be changed")};
}

bool Layout::is_marker(const Manifest&, const Node&) const { return false; }

bool Layout::is_face(const Node&, std::string_view, const Node&) const { return false; }

Result<bool> Layout::is_gone(const LayoutContext&, const Node&) const { return false; }

std::vector<ListedNode> Layout::faces_of(const Node&, const ReleaseRecord&) const { return {}; }

bool Layout::holds_drafts(const Node&) const { return false; }

bool Layout::adopt_draft(const Node&, std::string_view, Node&) const { return false; }

}  // namespace modelfs
