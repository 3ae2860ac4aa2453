// The document that modelstore's client finds of a release.
#pragma once
#include "layout/layout.h"

namespace modelfs {

// What was given with the release, where the client reads that and it is about this model; else a complete document
// that has it under `extra`. Why: the client's lists read all documents of a domain, and raise for all of them at the
// first that they cannot read. What its own layout took stays as it came, as on any disk. Only where the model is
// stored is said anew. `text`: the stored document. The codes of reading the catalog.
Result<std::string> client_document(const LayoutContext& context, const Node& node, const std::string& text);

}  // namespace modelfs
