// The keys of the catalog: the grammar of the whole store, in one place.
//
// Shared: what a registry is, the same on every host that serves it.
//   d/<domain>                             DomainRecord, the head: every commit of the domain expects it
//   r/<domain>\0<version>                  ReleaseRecord, live
//   q/<domain>\0<be64 (2^64-1 - sequence)> version of the live release of that sequence: newest first
//   g/<domain>\0<be64 release><be64 n>     GenerationRecord; <release> is the sequence of its release
//   l/<domain>\0<label>                    LabelRecord
//   i/<domain>\0<model-id>                 version of the live release with that id
//   t/<domain>\0<name in the trash>        ReleaseRecord, removed
//   T/<domain>\0<version>                  TombstoneRecord
//   D/<domain>                             DomainRecord of a domain that was removed: its history and tombstones stay
//   o/<domain>                             directory of the release that was published last, even if it was removed
//   v/<domain>\0<directory>\0<name>        PlacementRecord; <directory> is a path beneath the mount point
//   y/<be64 ino><directory>\0<name>        the same, by the directory of its release
//   h/<domain>\0<be64 sequence>            HistoryRecord
//   p/<domain>                             policy: the highest PEP 440 version that was ever published in the domain
//   m/<be64 ino>                           ContainerRecord: manifest of a release or generation
//   j/<be64 ino>                           metadata document of a release or generation (JSON)
//   a/<be64 ino>                           ArchiveRecord: the archive that a release or generation came as
//   k/<be64 ino>                           recipe that rebuilds that archive
//   f/<digest>                             LocationRecord: the object that holds a blob; of a registry of many hosts
//   z/<object name>                        be64 seconds: since when an object is condemned: nobody may refer to it
//   z                                      be64: how often objects were condemned
//   W/<be64 writer>                        WriterRecord: the host's store that counts inode numbers as this writer
//
// The host's own: its drafts, and where it keeps which bytes.
//   F                                      version of these keys, where an upgrade has made them
//   I                                      next inode number that is not reserved
//   B                                      boot id of the machine that wrote last
//   V                                      modelstore's view is in use
//   b/<digest>                             BlobRecord
//   w/<be64 ino>                           intent: digests that a commit of that draft is about to link into blobs/
//   n/<be64 ino>                           draft inode
//   e/<be64 ino><name>                     draft directory entry
//   x/<be64 ino><name>                     extended attribute of a draft inode
//   c/<be64 ino>                           hash of a draft file's bytes, valid until it is written again
//   s/<be64 ino>                           root of a dead draft, to be swept
//   u/<be64 ino>                           draft file without a name that was open: to be swept at the next start
//   P                                      PositionRecord: how far this host has applied the registry's log
//   U                                      what this host has put, or was about to, into the log and not applied yet
//
// Names and paths hold no NUL, so a NUL ends a domain and one domain's keys never run into another's.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/codec.h"
#include "base/digest.h"
#include "base/names.h"
#include "base/types.h"

namespace modelfs::keys {

// The first byte of a key.
enum class Kind : char {
  Domain = 'd',
  Release = 'r',
  BySequence = 'q',
  Generation = 'g',
  Label = 'l',
  ModelId = 'i',
  Removed = 't',
  Tombstone = 'T',
  RemovedDomain = 'D',
  Newest = 'o',
  Placement = 'v',
  PlacementOf = 'y',
  History = 'h',
  Policy = 'p',
  Manifest = 'm',
  Metadata = 'j',
  Archive = 'a',
  Recipe = 'k',
  Location = 'f',
  Condemned = 'z',
  Writer = 'W',

  Version = 'F',
  NextIno = 'I',
  BootId = 'B',
  ModelstoreInUse = 'V',
  Blob = 'b',
  Intent = 'w',
  DraftInode = 'n',
  DraftEntry = 'e',
  Attribute = 'x',
  DraftHash = 'c',
  Sweep = 's',
  Nameless = 'u',
  Position = 'P',
  Unsettled = 'U',
};

// Whose a key is. FORMAT.md says of each why.
enum class Life : std::uint8_t {
  Shared,    // part of the registry: it means the same on every host, and names nothing that only one of them knows
  HostOnly,  // of this host: another one has its own, or none
};
// By its first byte. None: there is no such key.
inline std::optional<Life> life_of(std::string_view key) {
  if (key.empty()) return std::nullopt;
  switch (Kind{key.front()}) {
    case Kind::Domain:
    case Kind::Release:
    case Kind::BySequence:
    case Kind::Generation:
    case Kind::Label:
    case Kind::ModelId:
    case Kind::Removed:
    case Kind::Tombstone:
    case Kind::RemovedDomain:
    case Kind::Newest:
    case Kind::Placement:
    case Kind::PlacementOf:
    case Kind::History:
    case Kind::Policy:
    case Kind::Manifest:
    case Kind::Metadata:
    case Kind::Archive:
    case Kind::Recipe:
    case Kind::Location:
    case Kind::Condemned:
    case Kind::Writer: return Life::Shared;
    case Kind::Version:
    case Kind::NextIno:
    case Kind::BootId:
    case Kind::ModelstoreInUse:
    case Kind::Blob:
    case Kind::Intent:
    case Kind::DraftInode:
    case Kind::DraftEntry:
    case Kind::Attribute:
    case Kind::DraftHash:
    case Kind::Sweep:
    case Kind::Nameless:
    case Kind::Position:
    case Kind::Unsettled: return Life::HostOnly;
  }
  return std::nullopt;
}

inline const std::string kVersion{static_cast<char>(Kind::Version)};
inline const std::string kNextIno{static_cast<char>(Kind::NextIno)};
inline const std::string kBootId{static_cast<char>(Kind::BootId)};
inline const std::string kModelstoreInUse{static_cast<char>(Kind::ModelstoreInUse)};
// Counts the times that objects were condemned: one be64.
inline const std::string kCondemnations{static_cast<char>(Kind::Condemned)};
inline const std::string kPosition{static_cast<char>(Kind::Position)};
inline const std::string kUnsettled{static_cast<char>(Kind::Unsettled)};

// The prefix of all keys of a kind that has more than one.
inline std::string all(Kind kind) { return {static_cast<char>(kind), '/'}; }
inline std::string in_domain(Kind kind, const DomainName& domain) {
  return all(kind).append(domain.str()).append(1, '\0');
}
inline std::string by_ino(Kind kind, Ino ino) { return all(kind) + be64(raw(ino)); }

inline std::string domain(const DomainName& name) { return all(Kind::Domain) + name.str(); }
inline std::string removed_domain(const DomainName& name) { return all(Kind::RemovedDomain) + name.str(); }
inline std::string policy(const DomainName& name) { return all(Kind::Policy) + name.str(); }
inline std::string release(const DomainName& domain, std::string_view version) {
  return in_domain(Kind::Release, domain).append(version);
}
inline std::string by_sequence(const DomainName& domain, Sequence sequence) {
  return in_domain(Kind::BySequence, domain) + be64(~raw(sequence));
}
inline std::string generations(const DomainName& domain, Sequence release) {
  return in_domain(Kind::Generation, domain) + be64(raw(release));
}
inline std::string generation(const DomainName& domain, Sequence release, Generation number) {
  return generations(domain, release) + be64(raw(number));
}
inline std::string label(const DomainName& domain, std::string_view name) {
  return in_domain(Kind::Label, domain).append(name);
}
inline std::string model_id(const DomainName& domain, std::string_view id) {
  return in_domain(Kind::ModelId, domain).append(id);
}
inline std::string removed(const DomainName& domain, std::string_view name) {
  return in_domain(Kind::Removed, domain).append(name);
}
inline std::string tombstone(const DomainName& domain, std::string_view version) {
  return in_domain(Kind::Tombstone, domain).append(version);
}
inline std::string newest(const DomainName& domain) { return all(Kind::Newest) + domain.str(); }
// Beneath the path of a directory, where `directory` ends; and in all directories below it.
inline std::string placements_in(const DomainName& domain, std::string_view directory) {
  return in_domain(Kind::Placement, domain).append(directory).append(1, '\0');
}
inline std::string placements_below(const DomainName& domain, std::string_view directory) {
  return in_domain(Kind::Placement, domain).append(directory).append(1, '/');
}
inline std::string placement(const DomainName& domain, std::string_view directory, std::string_view name) {
  return placements_in(domain, directory).append(name);
}
inline std::string placements_of(Ino release) { return by_ino(Kind::PlacementOf, release); }
inline std::string placement_of(Ino release, std::string_view directory, std::string_view name) {
  return placements_of(release).append(directory).append(1, '\0').append(name);
}
inline std::string history(const DomainName& domain, Sequence sequence) {
  return in_domain(Kind::History, domain) + be64(raw(sequence));
}
inline std::string manifest(Ino ino) { return by_ino(Kind::Manifest, ino); }
inline std::string metadata(Ino ino) { return by_ino(Kind::Metadata, ino); }
inline std::string archive(Ino ino) { return by_ino(Kind::Archive, ino); }
inline std::string recipe(Ino ino) { return by_ino(Kind::Recipe, ino); }
inline std::string blob(const Digest& digest) { return all(Kind::Blob).append(digest.raw_bytes()); }
inline std::string location(const Digest& digest) { return all(Kind::Location).append(digest.raw_bytes()); }
inline std::string condemned(std::string_view object) { return all(Kind::Condemned).append(object); }
inline std::string writer(std::uint64_t number) { return all(Kind::Writer) + be64(number); }
inline std::string intent(Ino draft) { return by_ino(Kind::Intent, draft); }
inline std::string draft_inode(Ino ino) { return by_ino(Kind::DraftInode, ino); }
inline std::string draft_entries(Ino directory) { return by_ino(Kind::DraftEntry, directory); }
inline std::string draft_entry(Ino directory, std::string_view name) { return draft_entries(directory).append(name); }
inline std::string attributes(Ino ino) { return by_ino(Kind::Attribute, ino); }
inline std::string attribute(Ino ino, std::string_view name) { return attributes(ino).append(name); }
inline std::string draft_hash(Ino ino) { return by_ino(Kind::DraftHash, ino); }
inline std::string sweep(Ino root) { return by_ino(Kind::Sweep, root); }
inline std::string nameless(Ino ino) { return by_ino(Kind::Nameless, ino); }

}  // namespace modelfs::keys
