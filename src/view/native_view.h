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
#include "view/place.h"

namespace modelfs {

// Gives the release or generation whose directory has a number, from a cache.
using ContainerSource = std::function<Result<std::shared_ptr<const Container>>(Ino)>;

// A release's package in ForML's layout. It can be opened and is not listed: it is a face.
inline constexpr std::string_view kFormlPackageName = "package.4ml";

struct ListedPlace {
  std::string name;
  Ino ino = kNoIno;
  FileType type = FileType::Regular;
};

// What making or moving something to a name would mean.
struct Meaning {
  enum class Kind : std::uint8_t {
    Draft,       // an ordinary draft name
    Domain,      // a directory here is a domain
    Release,     // a directory here is the draft of a release; a draft moved here is committed as it
    Generation,  // likewise of a generation
    Label,       // a symlink here is a label
    Archive,     // a file here is an upload: its close publishes the release or generation that it holds
    Tag,         // a file here is an upload: its close publishes the directory that it lies in as a generation
    Refused,     // see `refusal`
  };
  Kind kind = Kind::Draft;
  std::optional<Generation> number;  // Generation, Archive of one; empty: next
  bool is_generation = false;        // Archive
  std::string stem, suffix;          // Archive: the name without its suffix, and that
  // Where it will be published, if that is not the directory itself: a file in a draft directory that lies under the
  // name `stem` in this place.
  std::optional<Place> place;
  Status refusal;
};

class NativeView {
 public:
  // What is committed under the name `name` in the directory `parent`. NotFound: nothing committed; a draft may have
  // the name.
  static Result<Place> child(const Snapshot& stored, const ContainerSource& containers, const Place& parent,
                             std::string_view name);

  // The committed names of a directory, in an order that does not change while they exist. Faces that nobody wrote are
  // not listed.
  static Result<std::vector<ListedPlace>> list(const Snapshot& stored, const ContainerSource& containers,
                                               const Place& directory);

  // The number of the directory in which a committed directory stands; the root's is its own.
  static Result<Ino> parent(const Snapshot& stored, const ContainerSource& containers, const Place& directory);

  // True where drafts may lie beside what is committed.
  static bool holds_drafts(const Place& directory);

  // What a fresh name of this type in `parent` would mean. Judges the name, not whether it is free.
  static Meaning meaning(const Snapshot& stored, const Place& parent, std::string_view name, FileType type);

  // Likewise in a draft directory that is called `directory` in the committed place `above`: ForML's markers.
  static Meaning meaning_in_draft(const Snapshot& stored, const Place& above, std::string_view directory,
                                  std::string_view name, FileType type);

  // Attributes of everything but Root, System, Status, Events, TrashRoot and drafts. `content_bytes`: of a Document,
  // Tag or Archive.
  static Result<Attributes> describe(const Snapshot& stored, const ContainerSource& containers, const Place& place,
                                     std::uint64_t content_bytes);
};

}  // namespace modelfs
