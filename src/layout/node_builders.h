// How nodes are made and described. Private to src/layout.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"
#include "catalog/records.h"
#include "layout/layout.h"

namespace modelfs {

inline constexpr std::string_view kJson = ".json";
inline constexpr std::string_view kLatestJsonName = "latest.json";

// The name without `.json`; empty: it has none.
inline std::string_view json_stem(std::string_view name) {
  return name.ends_with(kJson) ? name.substr(0, name.size() - kJson.size()) : std::string_view();
}

inline Status nothing_called(std::string_view name) {
  return {Code::NotFound, "nothing is called '" + printable(name) + "' here"};
}

inline Ino plus(Ino first, std::uint64_t count) { return Ino{raw(first) + count}; }

inline Node node_at(Node::Kind kind, Ino ino, const std::string& domain, FileType type = FileType::Directory) {
  Node node;
  node.kind = kind;
  node.ino = ino;
  node.type = type;
  node.domain = domain;
  return node;
}

// `role`: which document it is, in the words of the layout.
inline Node text_node(const std::string& domain, Ino ino, Ino container, bool is_release, TimeNs time,
                      std::uint8_t role) {
  Node node = node_at(Node::Kind::Text, ino, domain, FileType::Regular);
  node.container = container;
  node.is_release = is_release;
  node.time = time;
  node.role = role;
  return node;
}

// The directory of a release or generation.
inline Node container_node(const std::string& domain, Ino ino, bool is_release) {
  Node node = node_at(Node::Kind::Entry, ino, domain);
  node.container = ino;
  node.is_release = is_release;
  return node;
}

inline Node link_node(const std::string& domain, Ino ino, std::string target, TimeNs time) {
  Node node = node_at(Node::Kind::Link, ino, domain, FileType::Symlink);
  node.target = std::move(target);
  node.time = time;
  return node;
}

inline Ino given_archive_ino(Ino container) { return in_block(container, kGivenArchive); }

// The archive face with `suffix` of a release or generation, which may have been uploaded as `given_suffix`.
Result<Node> archive_node(const std::string& domain, Ino container, bool is_release, std::string_view suffix,
                          std::string_view given_suffix, TimeNs time);

// Attributes that follow from the node and the domain's record; those of an Entry also from its container.
Result<Attributes> describe_committed(const LayoutContext& context, const Node& node, std::uint64_t content_bytes);
// Of a directory that belongs to no domain: with the owner and mode of the mount's root or of /.modelfs.
Attributes describe_mount_directory(const LayoutContext& context, const Node& node, const Ownership& owner);

}  // namespace modelfs
