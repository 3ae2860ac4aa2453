// The keys of the catalog: the grammar of the whole store, in one place.
//
//   I                                      next inode number that is not reserved
//   B                                      boot id of the machine that wrote last
//   d/<domain>                             DomainRecord, the head: every commit of the domain expects it
//   r/<domain>\0<version>                  ReleaseRecord, live
//   q/<domain>\0<be64 (2^64-1 - sequence)> version of the live release of that sequence: newest first
//   g/<domain>\0<be64 release><be64 n>     GenerationRecord; <release> is the sequence of its release
//   l/<domain>\0<label>                    LabelRecord
//   i/<domain>\0<model-id>                 version of the live release with that id
//   t/<domain>\0<name in the trash>        ReleaseRecord, removed
//   T/<domain>\0<version>                  TombstoneRecord
//   o/<domain>                             directory of the release that was published last, even if it was removed
//   v/<be64 directory><name>               PlacementRecord
//   y/<be64 ino><be64 directory><name>     the same, by the directory of its release
//   V                                      modelstore's view is in use
//   h/<domain>\0<be64 sequence>            HistoryRecord
//   p/<domain>                             policy: the highest PEP 440 version that was ever published in the domain
//   m/<be64 ino>                           ContainerRecord: manifest of a release or generation
//   j/<be64 ino>                           metadata document of a release or generation (JSON)
//   a/<be64 ino>                           ArchiveRecord: the archive that a release or generation came as
//   k/<be64 ino>                           recipe that rebuilds that archive
//   b/<digest>                             BlobRecord
//   w/<be64 ino>                           intent: digests that a commit of that draft is about to link into blobs/
//   n/<be64 ino>                           draft inode
//   e/<be64 ino><name>                     draft directory entry
//   x/<be64 ino><name>                     extended attribute of a draft inode
//   c/<be64 ino>                           hash of a draft file's bytes, valid until it is written again
//   s/<be64 ino>                           root of a dead draft, to be swept
//   u/<be64 ino>                           draft file without a name that was open: to be swept at the next start
//
// Names hold no NUL, so a NUL ends a domain and one domain's keys never run into another's.
#pragma once
#include <string>
#include <string_view>

#include "base/codec.h"
#include "base/digest.h"
#include "base/names.h"
#include "base/types.h"

namespace modelfs::keys {

inline const std::string kNextIno = "I";
inline const std::string kBootId = "B";

inline std::string in_domain(char kind, const DomainName& domain) {
  std::string key{kind, '/'};
  key += domain.str();
  key += '\0';
  return key;
}
inline std::string by_ino(char kind, Ino ino) { return std::string{kind, '/'} + be64(raw(ino)); }

inline std::string domain(const DomainName& name) { return "d/" + name.str(); }
inline std::string policy(const DomainName& name) { return "p/" + name.str(); }
inline std::string release(const DomainName& domain, std::string_view version) {
  return in_domain('r', domain).append(version);
}
inline std::string by_sequence(const DomainName& domain, Sequence sequence) {
  return in_domain('q', domain) + be64(~raw(sequence));
}
inline std::string generations(const DomainName& domain, Sequence release) {
  return in_domain('g', domain) + be64(raw(release));
}
inline std::string generation(const DomainName& domain, Sequence release, Generation number) {
  return generations(domain, release) + be64(raw(number));
}
inline std::string label(const DomainName& domain, std::string_view name) {
  return in_domain('l', domain).append(name);
}
inline std::string model_id(const DomainName& domain, std::string_view id) { return in_domain('i', domain).append(id); }
inline std::string removed(const DomainName& domain, std::string_view name) {
  return in_domain('t', domain).append(name);
}
inline std::string tombstone(const DomainName& domain, std::string_view version) {
  return in_domain('T', domain).append(version);
}
inline const std::string kModelstoreInUse = "V";
inline std::string newest(const DomainName& domain) { return "o/" + domain.str(); }
inline std::string placements_in(Ino directory) { return by_ino('v', directory); }
inline std::string placement(Ino directory, std::string_view name) { return placements_in(directory).append(name); }
inline std::string placements_of(Ino release) { return by_ino('y', release); }
inline std::string placement_of(Ino release, Ino directory, std::string_view name) {
  return placements_of(release).append(be64(raw(directory))).append(name);
}
inline std::string history(const DomainName& domain, Sequence sequence) {
  return in_domain('h', domain) + be64(raw(sequence));
}
inline std::string manifest(Ino ino) { return by_ino('m', ino); }
inline std::string metadata(Ino ino) { return by_ino('j', ino); }
inline std::string archive(Ino ino) { return by_ino('a', ino); }
inline std::string recipe(Ino ino) { return by_ino('k', ino); }
inline std::string blob(const Digest& digest) { return std::string("b/").append(digest.raw_bytes()); }
inline std::string intent(Ino draft) { return by_ino('w', draft); }
inline std::string draft_inode(Ino ino) { return by_ino('n', ino); }
inline std::string draft_entries(Ino directory) { return by_ino('e', directory); }
inline std::string draft_entry(Ino directory, std::string_view name) { return draft_entries(directory).append(name); }
inline std::string attributes(Ino ino) { return by_ino('x', ino); }
inline std::string attribute(Ino ino, std::string_view name) { return attributes(ino).append(name); }
inline std::string draft_hash(Ino ino) { return by_ino('c', ino); }
inline std::string sweep(Ino root) { return by_ino('s', root); }
inline std::string nameless(Ino ino) { return by_ino('u', ino); }

}  // namespace modelfs::keys
