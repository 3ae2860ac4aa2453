// The records of the catalog and their bytes. The layout of every value is in FORMAT.md; golden tests hold it still.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/names.h"
#include "base/status.h"
#include "base/types.h"
#include "catalog/ino_bits.h"

namespace modelfs {

// Each `decode` answers Corrupt for bytes that its `encode` cannot have made, and Unsupported for a record of a later
// version than it knows.

// The head of a domain: the one key that every commit in the domain expects unchanged.
struct DomainRecord {
  // Inode numbers of the domain's fixed places: a block of kInoBlock numbers.
  static constexpr std::uint64_t kInoBlock = 8;
  Ino ino = kNoIno;    // the directory /<domain>; +4 its events, +5 .stage; others below
  Ino stage = kNoIno;  // the draft directory /<domain>/.stage
  Ownership owner;     // of the directory and, through it, of everything committed in it
  TimeNs created{};
  TimeNs changed{};         // when a name in the directory was last committed or removed
  TimeNs status_changed{};  // ctime: owner, mode, or the above
  Sequence last{};          // the newest commit; 0: none yet

  Ino versions() const { return Ino{raw(ino) + 1}; }
  Ino trash() const { return Ino{raw(ino) + 2}; }
  // Uploads: archives that are being written, or were refused (/.modelfs/drafts/<domain>).
  Ino uploads() const { return Ino{raw(ino) + 3}; }
  // Where archives are unpacked: no path leads there.
  Ino unpacking() const { return Ino{raw(ino) + 6}; }
  // The domain's directories in modelstore's layout, in blocks far above all numbers that are given out.
  Ino modelstore() const { return in_block(ino, 32); }
  Ino modelstore_versions() const { return in_block(ino, 33); }
  Ino modelstore_deleted() const { return in_block(ino, 34); }

  std::string encode() const;
  static Result<DomainRecord> decode(std::string_view bytes);
};

// A release. Its generations are filed under its first sequence, so they follow it into the trash and back.
struct ReleaseRecord {
  static constexpr std::uint64_t kInoBlock = 8;
  std::string version;
  std::string model_id;  // that of the document published with it, if that is free in the domain; else a UUID4
  Sequence sequence{};   // of the commit that published it: orders `latest`; a restored release keeps it
  Ino ino = kNoIno;      // the directory; key of its manifest and its metadata
  // Block: +0 <version>.json, +1 latest, +2 latest.json, +3 versions/<id>.json; in modelstore's layout +4
  // versions/<id>.json, +5 domains/<domain>.json, +6 the tombstone; the rest is free.
  Ino faces = kNoIno;
  Digest digest;    // of the package's content
  Digest manifest;  // of the manifest's bytes
  TimeNs published{};
  TimeNs changed{};  // when its listing or place last changed (a new generation, removal, restoring)
  Generation last_generation{};
  bool takes_generations = true;  // false: numbers at its top level are package content
  bool metadata_given = false;    // a client wrote its metadata document; it is listed and returned byte for byte
  std::uint64_t file_count = 0;
  std::uint64_t total_bytes = 0;
  uid_t uid = 0;               // who published it
  std::string published_by;    // name of that user, or its number
  std::string program;         // program that committed it, as the kernel names it; empty: unknown
  std::string archive_suffix;  // ".tar.gz": it was uploaded as an archive, which is a face of it; empty: as files

  std::string encode() const;
  static Result<ReleaseRecord> decode(std::string_view bytes);
};

struct GenerationRecord {
  static constexpr std::uint64_t kInoBlock = 4;
  Generation number{};
  Sequence sequence{};
  Ino ino = kNoIno;
  Ino faces = kNoIno;  // block: +0 <n>.json, +1 latest
  Digest digest;
  Digest manifest;
  TimeNs published{};
  bool metadata_given = false;
  std::uint64_t file_count = 0;
  std::uint64_t total_bytes = 0;
  uid_t uid = 0;
  std::string published_by;
  std::string archive_suffix;  // as in ReleaseRecord

  std::string encode() const;
  static Result<GenerationRecord> decode(std::string_view bytes);
};

struct LabelRecord {
  std::string version;
  Ino ino = kNoIno;  // new for every target: the kernel caches a symlink's target by inode
  Sequence sequence{};
  TimeNs changed{};
  uid_t uid = 0;

  std::string encode() const;
  static Result<LabelRecord> decode(std::string_view bytes);
};

// What is kept of a removed release for ever.
struct TombstoneRecord {
  Sequence sequence{};  // of the removal
  Digest digest;        // of the content: natively the name can be used again only with it
  TimeNs removed{};
  // Of the removed release.
  std::string model_id;
  Ino release = kNoIno;
  Ino faces = kNoIno;
  bool metadata_given = false;
  bool is_forgotten = false;  // modelstore's client has removed its tombstone: its layout does not show it any more
  std::string encode() const;
  static Result<TombstoneRecord> decode(std::string_view bytes);
};

// A name in a directory of a client's layout under which it shows something of a release. Its keys say where: the path
// of the directory beneath the mount point, and the name.
struct PlacementRecord {
  static constexpr std::uint64_t kFormatVersion = 2;  // 1 had the path in the record
  enum class Kind : std::uint8_t {                    // numbers are on disk
    Archive = 1,                                      // the archive that it was uploaded as
    State = 2,  // its metadata: the release is in the state that the directory stands for
    File = 3,   // the one file in it: what was uploaded is no archive
  };
  // What its client has uploaded, as opposed to states that it was put into.
  bool is_upload() const { return kind != Kind::State; }
  Kind kind = Kind::Archive;
  std::string domain;
  std::string version;
  Sequence sequence{};  // of the release
  Ino release = kNoIno;

  std::string encode() const;
  static Result<PlacementRecord> decode(std::string_view bytes);
};

enum class Operation : std::uint8_t {
  CreateDomain = 1,
  Publish = 2,
  Generate = 3,
  SetLabel = 4,
  RemoveLabel = 5,
  Remove = 6,
  Restore = 7,
  Purge = 8,
  RemoveDomain = 9,
  SetState = 10,
  ClearState = 11,
};
std::string_view operation_name(Operation operation);  // "publish", for JSON

// One commit of a domain, for `log`.
struct HistoryRecord {
  // Version 1 has no host, and version 2 no state and reason; both are read as well.
  static constexpr std::uint64_t kFormatVersion = 3;

  Sequence sequence{};
  Operation operation = Operation::Publish;
  TimeNs when{};
  uid_t uid = 0;
  std::string who;               // name of that user, or its number
  std::string version;           // empty for CreateDomain, RemoveDomain
  Generation generation{};       // Generate
  std::string label;             // SetLabel, RemoveLabel
  std::string previous;          // SetLabel: the version it named before, or empty
  std::optional<Digest> digest;  // Publish, Generate, Remove, Restore, Purge
  std::string host;              // on which it was done; empty: not known
  std::string state;             // SetState, ClearState
  std::string reason;            // as given by who did it, or empty

  std::string encode() const;
  static Result<HistoryRecord> decode(std::string_view bytes);
};

// What a file of `size_bytes` without holes takes on the disk: blocks of 4096 bytes.
constexpr std::uint64_t allocated_for(std::uint64_t size_bytes) { return (size_bytes + 4095) / 4096 * 4096; }

// A blob that a durable commit refers to. Blobs of at most kInlineBlobBytesMax lie in the record itself.
inline constexpr std::uint64_t kInlineBlobBytesMax = 64 * 1024;
struct BlobRecord {
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;
  std::uint32_t crc32 = 0;
  bool quarantined = false;  // verify found other bytes under this digest; the next good file replaces it
  bool is_inline = false;
  std::string bytes;  // inline blobs

  std::string encode() const;
  static Result<BlobRecord> decode(std::string_view bytes);
};

// The archive that a release or generation was uploaded as.
struct ArchiveRecord {
  // What is stored of it. Numbers are on disk.
  enum class Kept : std::uint8_t {
    Original = 1,  // its bytes, a blob; not yet examined whether a recipe rebuilds them
    Unsuited = 2,  // its bytes, for good: no recipe does
    Recipe = 3,    // how to rebuild it from the files; its bytes are gone
  };
  // Version 1 has no mtime, and is read as well.
  static constexpr std::uint64_t kFormatVersion = 2;

  std::string suffix;
  std::uint64_t size_bytes = 0;
  std::uint64_t allocated_bytes = 0;
  ContentHash hash;
  Kept kept = Kept::Original;
  TimeNs mtime{};  // of the uploaded file; 0: not known

  std::string encode() const;
  static Result<ArchiveRecord> decode(std::string_view bytes);
};

// The value of m/<ino>: the owner of a manifest, then the manifest.
struct ContainerRecord {
  std::string domain;
  std::string version;      // of the release, also for a generation
  Sequence release{};       // the sequence of the release
  Generation generation{};  // 0: the release itself
  std::string manifest;     // Manifest::encode()

  std::string encode() const;
  static Result<ContainerRecord> decode(std::string_view bytes);
};

}  // namespace modelfs
