// modelstore's layout, /operatorai-model-store: where each release stands in it, and what its client's writes mean.
// Pure functions, as in native_layout.h.
//   <domain>/<stamp>/<model id>/artifacts.tar.gz   the archive, where it was uploaded: a draft directory with a
//   placement <domain>/<model id>/artifacts.tar.gz           the archive of a release that has no such place
//   <domain>/versions/<model id>.json              the metadata of a live release
//   <domain>/versions/<state>/<model id>.json      likewise: it is in that state; a draft directory with placements
//   <domain>/versions/modelstore-deleted/…         the metadata of a removed one
//   <domain>/latest.json                           the metadata of the latest live release
//   domains/<domain>.json                          the metadata of the one that was published last, even if it was
//   removed model_states/<state>.json                      drafts
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "formats/modelstore_document.h"
#include "catalog/snapshot.h"
#include "layout/create_rule.h"
#include "layout/native/native_layout.h"
#include "layout/node.h"

namespace modelfs {

// Of an archive in it whose path its client has not chosen.
inline constexpr std::string_view kModelstoreArchiveName = "artifacts.tar.gz";
inline constexpr std::string_view kModelstoreDeletedName = "modelstore-deleted";

class ModelstoreLayout {
 public:
  // As NativeLayout's, for its places and for drafts with a domain.
  static Result<Node> child(const Snapshot& stored, const ContainerSource& containers, const Node& parent,
                             std::string_view name);
  static Status list(const Snapshot& stored, const ContainerSource& containers, const Node& directory,
                     std::vector<ListedNode>& names);
  static bool holds_drafts(const Node& directory);
  // True where the draft directories in `directory` hold placements.
  static bool holds_placements(const Node& directory) {
    return directory.kind == Node::Kind::ModelstoreDomain || directory.kind == Node::Kind::ModelstoreVersions;
  }
  static CreateRule rule(const Node& parent, std::string_view name, FileType type);
  // In a draft directory with a domain; `is_state`: it stands for a state.
  static CreateRule create_rule_in_draft(bool is_state, std::string_view name, FileType type);

  // True of the <domain>/latest.json that the client of modelstore's first years writes anew with each upload: the
  // release came by its layout.
  static bool is_legacy_latest_json(const Snapshot& stored, const ContainerSource& containers, const DomainName& domain,
                              const Node& place);
  // The number of <domain>/versions/<model id>.json.
  static Ino metadata_ino(const ReleaseRecord& release);
  // That of a ModelstoreRelease, by the release's directory.
  static Ino directory_ino(Ino release) { return in_block(release, 32); }
  // The path of a release's archive in this layout, beneath the mount point. `is_removed`: where it was before its
  // client removed it.
  static Result<std::string> archive_path(const Snapshot& stored, const std::string& domain, Ino release,
                                          std::string_view model_id, bool is_removed);
};

}  // namespace modelfs
