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
// `events` gets the next of these numbers when it is rotated, so that tail -F notices.
inline constexpr std::uint64_t kEventsInoFirst = 8;
inline constexpr std::uint64_t kEventsInoCount = kFirstFreeIno - kEventsInoFirst;

// The numbers of archive faces: that of the directory, in_block() which one.
inline constexpr std::uint64_t kGivenArchive = 16;  // others: the value of their ArchiveFormat

// Of the fixed places of modelstore's layout; see DomainRecord for those of a domain.
inline constexpr Ino kModelstoreIno = in_block(kRootIno, 32);
inline constexpr Ino kModelstoreDomainsIno = in_block(kRootIno, 33);
inline constexpr Ino kModelstoreStatesIno = in_block(kRootIno, 34);
inline constexpr Ino kModelstoreUploadsIno = in_block(kRootIno, 35);
// The number of <domain>/<model id>, by the release's own directory.
constexpr Ino modelstore_directory_ino(Ino release) { return in_block(release, 32); }

// Which layout a node belongs to: its position among those of the mount (layout/layouts.h). 0 is the native one.
enum class LayoutId : std::uint8_t {};
inline constexpr LayoutId kNativeLayout{0};

// All of a Node but its texts. Small, because the kernel may know of millions.
struct NodeFacts {
  // What a node is to the code that presents it. What it is to its layout is said by `role`.
  enum class Kind : std::uint8_t {
    Root,       // the mount point: domains
    Domain,     // /<domain>: releases, and drafts of them
    Stage,      // /<domain>/.stage: drafts
    Trash,      // /.modelfs/trash/<domain>: removed releases
    Uploads,    // /.modelfs/drafts/<domain>: archives that are being written, or were refused
    Directory,  // any other directory of a layout
    Entry,      // a file, directory or symlink of a release or generation; index 0 is its own directory
    Text,       // a document that is made when it is opened
    Archive,    // an archive face of a release or generation
    Link,       // a symlink that is made: latest, or a label
    MountFile,  // /.modelfs/status.json, metrics and events: the mount's own
    Draft,      // anything that is not committed
  };
  // What it means that a client opens a Text to write it.
  enum class Rewrite : std::uint8_t {
    No,
    Taken,  // AlreadyExists: it is written once
    Copy,   // it may write what is said there already, and nothing is kept of that
  };
  Ino ino = kNoIno;
  Ino container = kNoIno;   // Entry, Text, Archive: the directory of the release or generation
  TimeNs time{};            // Link, Text, Archive: when it was created
  uid_t set_by = 0;         // Link: who set a label
  std::uint32_t index = 0;  // Entry: in the container's manifest
  Kind kind = Kind::Draft;
  LayoutId layout = kNativeLayout;
  std::uint8_t role = 0;  // Directory, Text: which one, in the words of the layout
  FileType type = FileType::Directory;
  ArchiveFormat format = ArchiveFormat::Tar;  // Archive
  bool is_release = false;                    // Entry, Text, Archive: the container is a release, not a generation
  bool given = false;                         // Text, Archive: a client wrote it
  Rewrite rewrite = Rewrite::No;              // Text
  bool is_label = false;                      // Link: not latest
  bool in_stage = false;                      // Draft: a directory beneath <domain>/.stage

  // A directory whose attributes the kernel may cache: every change of them, or of the names in it, is announced to the
  // kernel.
  bool is_believed() const {
    return kind == Kind::Root || kind == Kind::Domain || kind == Kind::Stage || kind == Kind::Entry ||
           (kind == Kind::Draft && in_stage);
  }
  bool operator==(const NodeFacts&) const = default;
  bool is_release_directory() const { return kind == Kind::Entry && index == 0 && is_release; }
  bool is_generation_directory() const { return kind == Kind::Entry && index == 0 && !is_release; }
};

struct Node : NodeFacts {
  // The domain of all that belongs to one. Of a Draft where a client's layout shows committed things in it; else empty.
  std::string domain;
  // Link: where it leads. Directory of one release: the version. A Draft that may be replaced: its name in `container`.
  // A directory of drafts with a domain: its path beneath the mount point.
  std::string target;

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
  // How long the kernel may cache these, in seconds: 0 for what changes without an invalidation.
  double valid_seconds = 0;
};

// How long the kernel believes what never changes.
inline constexpr double kForeverSeconds = 86400;
// For what is invalidated when it changes. Why not for ever: an answer about a node that is new to the kernel may cross
// with the invalidation, which then has no effect. A look-up once a minute costs nothing.
inline constexpr double kToldSeconds = 60;

}  // namespace modelfs
