// How places are made. Private to src/view.
#pragma once
#include <string>
#include <string_view>

#include "base/status.h"
#include "catalog/records.h"
#include "layout/node.h"

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
  Node place;
  place.kind = kind;
  place.ino = ino;
  place.type = type;
  place.domain = domain;
  return place;
}

inline Node document_node(const std::string& domain, Ino ino, Ino container, bool is_release, bool given,
                            TimeNs time) {
  Node place = node_at(Node::Kind::Document, ino, domain, FileType::Regular);
  place.container = container;
  place.is_release = is_release;
  place.given = given;
  place.time = time;
  return place;
}

inline Ino given_archive_ino(Ino container) { return in_block(container, kGivenArchive); }

// The archive face with `suffix` of a release or generation that came as an archive with `given_suffix`, if it did.
Result<Node> archive_node(const std::string& domain, Ino container, bool is_release, std::string_view suffix,
                            std::string_view given_suffix, TimeNs time);

CreateRule refused_meaning(Status status);
CreateRule meaning_of_kind(CreateRule::Kind kind);

}  // namespace modelfs
