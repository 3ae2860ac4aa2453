// Paths beneath the mount point at which clients find the archive of a release. Shared by the layouts.
#pragma once
#include <string>
#include <string_view>

#include "formats/modelstore_document.h"
#include "layout/layout.h"

namespace modelfs {

// Of an archive in modelstore's layout whose path its client has not chosen.
inline constexpr std::string_view kModelstoreArchiveName = "artifacts.tar.gz";

// The path of a release's archive as modelstore's clients see it. `is_removed`: where it was before a client removed
// it.
Result<std::string> archive_path(const Snapshot& stored, const DomainName& domain, Ino release,
                                 std::string_view model_id, bool is_removed);

// True of a release whose archive was uploaded by the layout of modelstore's first years, in the domain itself.
bool came_by_first_layout(const Snapshot& stored, const DomainName& domain, const ReleaseRecord& release);

// The document `text` of the release of `node`, with the path of its archive as this mount's clients see it.
Result<std::string> splice_release_path(const LayoutContext& context, const Node& node, const std::string& text);

}  // namespace modelfs
