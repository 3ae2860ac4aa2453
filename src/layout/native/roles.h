// What the directories and documents of the native layout are. Private to src/layout/native.
#pragma once
#include <cstdint>

#include "layout/node.h"

namespace modelfs::native {

enum class Role : std::uint8_t {
  None,
  // Directories.
  System,      // /.modelfs
  TrashRoot,   // /.modelfs/trash
  DraftsRoot,  // /.modelfs/drafts
  Versions,    // /<domain>/versions: documents by model id
  // Texts.
  Metadata,    // the metadata of a release or generation, made or given
  LatestJson,  // /<domain>/latest.json: that of the newest release
  Tag,         // <n>/tag.toml of a generation that came without one
};

inline Role role_of(const Node& node) { return static_cast<Role>(node.role); }
inline bool is_directory(const Node& node, Role role) {
  return node.kind == Node::Kind::Directory && role_of(node) == role;
}

}  // namespace modelfs::native
