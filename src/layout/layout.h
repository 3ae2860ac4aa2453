// What a layout is: one way to show the catalog as directories and files. The native one and those of other programs
// fulfil this contract; the code that presents nodes knows no layout by name.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "catalog/snapshot.h"
#include "layout/create_rule.h"
#include "layout/node.h"

namespace modelfs {

// Gives the release or generation whose directory has a number, from a cache.
using ContainerSource = std::function<Result<std::shared_ptr<const Container>>(Ino)>;

// Where a draft directory is named.
struct DraftPosition {
  Ino parent = kNoIno;
  Node above;  // the node of that number, if it is known; else one of a draft
  std::string name;
};

// What a mount adds to the catalog. One for all requests; its functions are safe for concurrent use.
struct LayoutMount {
  ContainerSource containers;
  // nullopt: no draft directory has that number.
  std::function<std::optional<DraftPosition>(Ino draft_directory)> find_draft;
  // True of a release whose archive was removed by a client that will remove the release next.
  std::function<bool(Ino release)> is_being_removed;
  std::function<Ownership()> root_owner;
  Ownership system_owner;  // of /.modelfs
  TimeNs mounted{};
  std::string path;  // how clients call the mount point, for documents that say where a release is stored
};

// What a layout may look at for one request. Valid during the call only.
struct LayoutContext {
  const Snapshot& stored;
  const LayoutMount& mount;
};

// What unlink(2) or rmdir(2) of something committed means.
struct RemoveRule {
  enum class Kind : std::uint8_t {
    Refused,   // see `refusal`
    Label,     // the label goes
    Domain,    // the domain goes, if it is empty
    Standing,  // Ok while no draft lies in it, for programs that remove all they find; it is there again at once
    Client,    // a step of a client's own way to remove a model: see ClientWrites
  };
  // Which step. What of a release or of its placements goes with it.
  enum class Step : std::uint8_t {
    None,
    Archive,    // the archive, where the layout alone has a place for it
    Placed,     // the archive in a draft directory
    Directory,  // the directory that the archive was in
    Metadata,   // the metadata: the release goes into the trash
    State,      // the release's place in a state
    Tombstone,  // what tells of a removed release
  };
  Kind kind = Kind::Refused;
  Step step = Step::None;  // Client
  Status refusal;
};

// Pure functions of a snapshot and a node: no I/O beyond reading the catalog, no locks, no clock. Immutable, safe for
// concurrent use. NotFound, Corrupt, IoError: as Snapshot.
class Layout {
 public:
  virtual ~Layout() = default;

  // The name of its root directory in the root of the mount; empty: it is the root itself (the native layout).
  virtual std::string_view root_name() const = 0;
  virtual Node root() const = 0;
  // Whether `ls` of the mount's root lists it.
  virtual bool is_listed(const Snapshot& stored) const;

  // What is committed under `name` in `parent`. NotFound: nothing committed; a draft may have the name.
  virtual Result<Node> child(const LayoutContext& context, const Node& parent, std::string_view name) const = 0;
  // Adds the committed names of a directory, in an order that does not change while they exist.
  virtual Status list(const LayoutContext& context, const Node& directory, std::vector<ListedNode>& names) const = 0;
  // The number of the directory in which a committed directory stands.
  virtual Result<Ino> parent(const LayoutContext& context, const Node& directory) const = 0;
  // Attributes of everything but drafts and the mount's own files. `content_bytes`: of a Text or Archive.
  virtual Result<Attributes> attributes(const LayoutContext& context, const Node& node,
                                        std::uint64_t content_bytes) const = 0;
  // The bytes of a Text.
  virtual Result<std::string> text(const LayoutContext& context, const Node& node) const = 0;

  // What a fresh name of this type in `parent`, a directory of this layout or a draft that it has adopted, would mean.
  // Checks the name, not whether it is free. By default nothing can be created: Immutable.
  virtual CreateRule create_rule(const LayoutContext& context, const Node& parent, std::string_view name,
                                 FileType type) const;
  // What the removal of `node`, which is `name` in `parent`, would mean. By default it is refused: Immutable.
  virtual RemoveRule remove_rule(const Node& parent, const Node& node, std::string_view name) const;
  // Whether drafts may lie in a directory of this layout, beside what is committed. By default they may not.
  virtual bool holds_drafts(const Node& directory) const;
  // Whether a file of a release or generation is the marker that its client wrote last, to publish it: whoever opens it
  // to write it comes too late, AlreadyExists. By default it is not.
  virtual bool is_marker(const Manifest& manifest, const Node& file) const;
  // Whether `node`, which is `name` in `parent`, is a face that is there exactly as long as its release is. The kernel
  // may keep such a name, and is told of those of a release that goes. By default it is none.
  virtual bool is_face(const Node& parent, std::string_view name, const Node& node) const;
  // Whether such a face is there no more. By default it is not asked.
  virtual Result<bool> is_gone(const LayoutContext& context, const Node& face) const;
  // The faces that a release can have in the directory in which it stands. A name may never have been asked for.
  virtual std::vector<ListedNode> faces_of(const Node& directory, const ReleaseRecord& release) const;
  // Whether it has a say in the draft directory or file `name` of `parent`: then it fills in what it wants to know when
  // it sees that node again. By default it has not.
  virtual bool adopt_draft(const Node& parent, std::string_view name, Node& draft) const;
};

}  // namespace modelfs
