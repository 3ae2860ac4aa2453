// What the directories and documents of modelstore's layout are. Private to src/layout/modelstore.
#pragma once
#include <cstdint>

#include "layout/node.h"

namespace modelfs {

enum class ModelstoreRole : std::uint8_t {
  None,
  // Directories.
  Root,      // /operatorai-model-store: <domain>/, domains/, model_states/
  Domains,   // …/domains
  States,    // …/model_states
  Domain,    // …/<domain>
  Versions,  // …/<domain>/versions
  Deleted,   // …/<domain>/versions/modelstore-deleted: tombstones
  Release,   // …/<domain>/<model id>: the archive of a release that has no other path in this layout
  // Texts. All of them show the metadata of a release.
  Metadata,   // versions/<model id>.json: written once
  InState,    // versions/<state>/<model id>.json
  Newest,     // domains/<domain>.json
  Latest,     // <domain>/latest.json
  Tombstone,  // versions/modelstore-deleted/<model id>.json
};

inline ModelstoreRole modelstore_role(const Node& node) { return static_cast<ModelstoreRole>(node.role); }
inline std::uint8_t role_number(ModelstoreRole role) { return static_cast<std::uint8_t>(role); }

}  // namespace modelfs
