// What stat(2) shows of the native layout.
#include "layout/native/native_layout.h"
#include "layout/native/roles.h"
#include "layout/node_builders.h"

namespace modelfs {

using Kind = Node::Kind;

namespace {

// Why no longer: with this the kernel answers stat(2) of the mount point also when the daemon is dead.
constexpr double kRootSeconds = 1;

}  // namespace

Result<Attributes> NativeLayout::attributes(const LayoutContext& context, const Node& node,
                                            std::uint64_t content_bytes) const {
  if (node.kind == Kind::Root) {
    Attributes shown = describe_mount_directory(context, node, context.mount.root_owner());
    shown.valid_seconds = kRootSeconds;
    return shown;
  }
  if (node.domain.empty()) {
    Attributes shown = describe_mount_directory(context, node, context.mount.system_owner);
    if (is_native_directory(node, NativeRole::System)) shown.link_count = 4;  // it has the trash and the drafts
    return shown;
  }
  auto shown = describe_committed(context, node, content_bytes);
  if (shown.ok() && is_native_directory(node, NativeRole::Versions)) shown->link_count = 2;
  if (!shown.ok() || node.kind != Kind::Text) return shown;
  // Neither a tag nor a document ever changes, but for one that a client writes anew.
  const bool is_tag = native_role(node) == NativeRole::Tag;
  if (is_tag || node.rewrite == Node::Rewrite::No) shown->valid_seconds = kForeverSeconds;
  if (is_tag) shown->mode &= 0444;
  return shown;
}

}  // namespace modelfs
