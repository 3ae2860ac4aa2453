// The metadata documents of modelstore: what we read of one, and how we make one for a release without. Source:
// modelstore 0.0.81, whose reader refuses a document without these members, and whose lists sort by `code.created`.
#pragma once
#include <string>
#include <string_view>

#include "formats/metadata.h"

namespace modelfs {

// The directory in which its client keeps everything.
inline constexpr std::string_view kModelstoreName = "operatorai-model-store";

// Texts of a document; empty where it has none.
struct ModelstoreFacts {
  std::string domain;
  std::string model_id;
  std::string created;       // "2026/11/21/21:22:47"
  std::string path;          // storage.path
  bool is_readable = false;  // modelstore's reader takes it
};

// Of any document; of one that is no JSON object nothing.
ModelstoreFacts read_modelstore_document(std::string_view document);

// The document that make_metadata() made of `facts`, in modelstore's shape, with `storage` empty: splice_storage()
// fills it. What the package's files do not say about the library is said as "model_file", which modelstore downloads
// and does not load. `extra`, a JSON object or nothing, becomes the member of that name, byte for byte.
std::string make_modelstore_document(const MetadataFacts& facts, std::string_view extra);

// The same for a document that make_metadata() has made.
std::string shape_for_modelstore(std::string_view made, std::string_view extra);

}  // namespace modelfs
