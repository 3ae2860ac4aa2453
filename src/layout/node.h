// Where something stands in the presented tree, and what stat(2) shows of it.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <string>

#include "archive/archive_format.h"
#include "base/types.h"
#include "catalog/records.h"

namespace modelfs {

// Inode numbers of the fixed places.
inline constexpr Ino kSystemIno{2};
inline constexpr Ino kStatusIno{3};
inline constexpr Ino kTrashIno{4};
inline constexpr Ino kOldEventsIno{5};
inline constexpr Ino kDraftsIno{6};
inline constexpr Ino kMetricsIno{7};
// `events` begins anew under the next of these numbers when it is rotated, so that tail -F notices.
inline constexpr std::uint64_t kEventsInoFirst = 8;
inline constexpr std::uint64_t kEventsInoCount = kFirstFreeIno - kEventsInoFirst;

// The numbers of archive faces: that of the directory, in_block() which one.
inline constexpr std::uint64_t kGivenArchive = 16;  // others: the value of their ArchiveFormat

// Of the fixed places of modelstore's layout; see DomainRecord for those of a domain.
inline constexpr Ino kModelstoreIno = in_block(kRootIno, 32);
inline constexpr Ino kModelstoreDomainsIno = in_block(kRootIno, 33);
inline constexpr Ino kModelstoreStatesIno = in_block(kRootIno, 34);
inline constexpr Ino kModelstoreUploadsIno = in_block(kRootIno, 35);

// All of a Place but its texts.
struct NodeFacts {
  enum class Kind : std::uint8_t {
    Root,        // the mount point: domains
    System,      // /.modelfs
    Status,      // /.modelfs/status.json and metrics: texts that are made when they are opened
    Events,      // /.modelfs/events and events.1
    TrashRoot,   // /.modelfs/trash
    Trash,       // /.modelfs/trash/<domain>
    DraftsRoot,  // /.modelfs/drafts
    Uploads,     // /.modelfs/drafts/<domain>: archives that are being written, or were refused
    Domain,      // /<domain>
    Stage,       // /<domain>/.stage
    Versions,    // /<domain>/versions
    Entry,       // a file or directory of a release or generation; index 0 is its own directory
    Document,    // a metadata face of a release or generation
    Archive,     // an archive face of one
    Tag,         // <n>/tag.toml of a generation that came without one
    Link,        // latest, or a label
    Draft,       // anything that is not committed

    ModelstoreRoot,      // /operatorai-model-store: <domain>/, domains/, model_states/
    ModelstoreDomains,   // …/domains
    ModelstoreStates,    // …/model_states
    ModelstoreDomain,    // …/<domain>
    ModelstoreVersions,  // …/<domain>/versions
    ModelstoreDeleted,   // …/<domain>/versions/modelstore-deleted: tombstones
    ModelstoreRelease,   // …/<domain>/<model id>: the archive of a release that has no other path in this layout
  };
  Ino ino = kNoIno;
  Ino container = kNoIno;   // Entry, Document, Archive, Tag: the directory of the release or generation
  TimeNs time{};            // Link, Document, Archive, Tag: when it came about
  std::uint32_t index = 0;  // Entry: in the container's manifest
  uid_t set_by = 0;         // Link: who set a label
  Kind kind = Kind::Draft;
  FileType type = FileType::Directory;
  ArchiveFormat format = ArchiveFormat::Tar;  // Archive
  bool is_release = false;                    // Entry, Document, Archive: the container is a release, not a generation
  bool given = false;                         // Document, Archive: a client wrote it
  bool in_modelstore = false;                 // Document: as modelstore's clients see it
  bool is_label = false;                      // Link: not latest
  bool in_stage = false;                      // Draft: a directory beneath <domain>/.stage

  // A directory whose attributes the kernel believes: whoever changes them, or the names in it, tells the kernel.
  bool is_believed() const {
    return kind == Kind::Root || kind == Kind::Domain || kind == Kind::Stage || kind == Kind::Entry ||
           (kind == Kind::Draft && in_stage);
  }
  bool operator==(const NodeFacts&) const = default;
  bool is_release_directory() const { return kind == Kind::Entry && index == 0 && is_release; }
  bool is_generation_directory() const { return kind == Kind::Entry && index == 0 && !is_release; }
};

struct Node : NodeFacts {
  // All but Root, System, Status, Events, TrashRoot, DraftsRoot, ModelstoreRoot, ModelstoreDomains, ModelstoreStates.
  // Of a Draft where a client's layout puts archives and states into it; else empty.
  std::string domain;
  std::string target;  // Link; ModelstoreRelease: the version

  bool operator==(const Node&) const = default;
};

struct ListedNode {
  std::string name;
  Ino ino = kNoIno;
  FileType type = FileType::Regular;
};

// What stat(2) shows.
struct Attributes {
  Ino ino = kNoIno;
  FileType type = FileType::Regular;
  std::uint32_t mode = 0;  // 07777
  // Of a directory: 2 and its subdirectories, or 1 where they are not counted. find(1) and fts(3) look at every name
  // in a directory with 1, and believe any other number.
  std::uint32_t link_count = 1;
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t blocks = 0;  // of 512 bytes
  TimeNs atime{}, mtime{}, ctime{};
  // How long the kernel may believe these, in seconds: 0 for what changes without its being told.
  double valid_seconds = 0;
};

// How long the kernel believes what never changes.
inline constexpr double kForeverSeconds = 86400;
// What it is told of when it changes. Why not for ever: an answer about a node that the kernel is just getting to know
// may cross with the notice, which then finds nobody. Asking once a minute costs nothing.
inline constexpr double kToldSeconds = 60;

}  // namespace modelfs
