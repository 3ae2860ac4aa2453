// What modelstore's layout asks of the catalog. Private to src/layout/modelstore.
#pragma once
#include <string>

#include "layout/layout.h"

namespace modelfs {

// The archive of a release as this layout's client wants it: the uploaded one if that is a .tar.gz, else a generated
// one.
Result<Node> archive_of(const std::string& domain, const ReleaseRecord& release);

// Whether the archive of a release is shown where it was uploaded.
Result<bool> has_place(const Snapshot& stored, const DomainName& domain, Ino release);

// The release that was published last, also one in the trash.
Result<ReleaseRecord> newest_release(const Snapshot& stored, const ContainerSource& containers,
                                     const DomainName& domain);

// The file of a release that holds nothing else.
Result<Node> only_file(const ContainerSource& containers, const std::string& domain, const ReleaseRecord& release);

// Whether its client would find `versions` in the domain: it makes that by itself before it writes the first document.
Result<bool> has_versions(const Snapshot& stored, const DomainName& domain, const DomainRecord& head);

}  // namespace modelfs
