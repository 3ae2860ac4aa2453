// The metadata document of a release or generation: JSON text in the shape that modelstore's clients read. Nothing here
// does I/O, and nothing throws.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/status.h"
#include "base/types.h"

namespace modelfs {

// The largest document that a client may provide.
inline constexpr std::size_t kMetadataBytesMax = 1024 * 1024;
// The deepest nesting in it; a flat object has depth 1. Why: nlohmann_json 3.11 prints by recursion, so a deep document
// that parses would overflow the stack when it is written.
inline constexpr std::size_t kMetadataDepthMax = 64;

// The facts about a release, or one generation of it, at its commit.
struct MetadataFacts {
  std::string domain;
  std::string model_id;
  std::string version;
  std::optional<Generation> generation;  // set: the document is about this generation
  Digest digest;                         // of the content
  Sequence sequence{};
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::string published_by;
  std::string host;     // empty: unknown, and left out
  std::string program;  // that committed it, as the kernel names it; empty: unknown
  TimeNs created{};
  // Texts of files at the top of the package, where it has them. What is not understood in them is ignored.
  std::optional<std::string> python_info;   // python-info.json: {"runtime":, "dependencies":} or {package: version}
  std::optional<std::string> model_info;    // model-info.json: {"library":, "type":}
  std::optional<std::string> requirements;  // requirements.txt: lines `name==version`
  std::optional<std::string> package;       // __4ml__.py: see package_manifest.h
  std::optional<std::string> mlmodel;       // MLmodel, of MLflow: the flavour, its version and Python's
  std::optional<std::string> tag;           // tag.toml, of ForML: see tag.h
};

// The document of a release that was published without one. It does not say where the release is stored, because that
// depends on the mount which shows it.
std::string make_metadata(const MetadataFacts& facts);

// Where one mount shows a release.
struct StorageFacts {
  std::string root;  // the mount point
  std::string path;  // the release's directory, beneath it
};

// The document that make_metadata() made, with "storage" for one mount. Any other document is returned unchanged.
std::string present_metadata(std::string_view stored, const StorageFacts& facts);

// Ok for a document that a client may provide: a JSON object in UTF-8 of at most kMetadataBytesMax bytes,
// kMetadataDepthMax deep, without duplicate keys. Bare NaN, Infinity and -Infinity are values, because Python's json
// module writes them. Malformed: the rest; the message says why, and at which byte (from 0) reading stopped.
Status check_given_metadata(std::string_view bytes);

}  // namespace modelfs
