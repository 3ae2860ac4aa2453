#include "ingest/client_writes.h"

#include "formats/modelstore_document.h"

namespace modelfs {

Status ClientWrites::note_use(const Node& directory) const {
  const bool is_modelstores =
      directory.kind != Node::Kind::Draft && layouts.of(directory).root_name() == kModelstoreName;
  return is_modelstores ? registry.model_states().use_modelstore() : Status();
}

}  // namespace modelfs
