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
  bool has_storage = false;  // "storage" is an object
  // Its lists take it beside others: it says when it was made, by a time that there is.
  bool is_listed = false;
  // Its reader takes all of it: every member that it needs is there, and those that it knows have the type it wants.
  bool is_readable = false;
};

// Of any document; of one that is no JSON object nothing.
ModelstoreFacts read_modelstore_document(std::string_view document);

// The document that make_metadata() made of `facts`, in modelstore's shape, with `storage` empty: splice_storage()
// fills it. What the package's files do not say about the library is said as "model_file", which modelstore downloads
// and does not load. `extra`, a JSON object or nothing, becomes the member of that name, byte for byte.
std::string make_modelstore_document(const MetadataFacts& facts, std::string_view extra);

// The same for a document that make_metadata() has made.
std::string shape_for_modelstore(std::string_view made, std::string_view extra);

// `document`, one of the above, with the JSON object `extra` as its last member, byte for byte.
std::string with_extra(std::string document, std::string_view extra);

}  // namespace modelfs
