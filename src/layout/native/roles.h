// What the directories and documents of the native layout are. Private to src/layout/native.
#pragma once
#include <cstdint>

#include "layout/node.h"

namespace modelfs {

enum class NativeRole : std::uint8_t {
  None,
  // Directories.
  System,      // /.modelfs
  TrashRoot,   // /.modelfs/trash
  DraftsRoot,  // /.modelfs/drafts
  Versions,    // /<domain>/versions: documents by model id
  // Texts.
  Metadata,    // the metadata of a release or generation, made or given
  LatestJson,  // /<domain>/latest.json: that of the newest release
  Tag,         // <n>/tag.toml of a generation that was published without one
};

inline NativeRole native_role(const Node& node) { return static_cast<NativeRole>(node.role); }
inline bool is_native_directory(const Node& node, NativeRole role) {
  return node.kind == Node::Kind::Directory && native_role(node) == role;
}

}  // namespace modelfs
