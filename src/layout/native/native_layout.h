// The native layout: /<domain>/<version>/…, /<domain>/latest, labels, faces, /.modelfs. Pure functions of a Snapshot
// and a Place: no I/O beyond reading the catalog, no locks, no clock.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/names.h"
#include "base/status.h"
#include "catalog/snapshot.h"
#include "layout/create_rule.h"
#include "layout/node.h"

namespace modelfs {

// Gives the release or generation whose directory has a number, from a cache.
using ContainerSource = std::function<Result<std::shared_ptr<const Container>>(Ino)>;

// A release's package in ForML's layout. It can be opened and is not listed: it is a face.
inline constexpr std::string_view kFormlPackageName = "package.4ml";

class NativeLayout {
 public:
  // What is committed under the name `name` in the directory `parent`. NotFound: nothing committed; a draft may have
  // the name.
  static Result<Node> child(const Snapshot& stored, const ContainerSource& containers, const Node& parent,
                             std::string_view name);

  // The committed names of a directory, in an order that does not change while they exist. Faces that nobody wrote are
  // not listed.
  static Result<std::vector<ListedNode>> list(const Snapshot& stored, const ContainerSource& containers,
                                               const Node& directory);

  // The number of the directory in which a committed directory stands; the root's is its own.
  static Result<Ino> parent(const Snapshot& stored, const ContainerSource& containers, const Node& directory);

  // True where what is committed has names: everywhere but in most drafts.
  static bool shows_committed(const Node& directory) {
    return directory.kind != Node::Kind::Draft || !directory.domain.empty();
  }

  // True where drafts may lie beside what is committed.
  static bool holds_drafts(const Node& directory);

  // What a fresh name of this type in `parent` would mean. Judges the name, not whether it is free.
  static CreateRule rule(const Snapshot& stored, const Node& parent, std::string_view name, FileType type);

  // True where a draft directory called `name` in `parent` is one into which a client's layout puts archives: then its
  // Place names its domain.
  static bool holds_placements(const Node& parent, std::string_view name);

  // Likewise in a draft directory that is called `directory` in the committed place `above`: ForML's markers.
  static CreateRule create_rule_in_draft(const Snapshot& stored, const Node& above, std::string_view directory,
                                  std::string_view name, FileType type);

  // Attributes of everything but Root, System, Status, Events, TrashRoot and drafts. `content_bytes`: of a Document,
  // Tag or Archive.
  static Result<Attributes> describe(const Snapshot& stored, const ContainerSource& containers, const Node& place,
                                     std::uint64_t content_bytes);
};

}  // namespace modelfs
