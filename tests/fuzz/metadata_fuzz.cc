// libFuzzer target: any bytes as a document that a client brings, and as each file of a package from which a document
// is made. What is taken must still be taken after it was shown in any way.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "formats/metadata.h"
#include "formats/metadata_splice.h"
#include "formats/modelstore_document.h"

namespace modelfs {
namespace {

void need(const Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.str().c_str());
  std::abort();
}

void bring(const std::string& text) {
  (void)read_modelstore_document(text);
  if (!check_given_metadata(text).ok()) return;
  if (const auto spliced = splice_storage(text, "/m", "/m/ü"); spliced.ok()) {
    need(check_given_metadata(*spliced), "splice");
  }
  const auto replaced = replace_storage(text, "/m", "/m/p");
  need(replaced.status(), "replace");
  need(check_given_metadata(*replaced), "replaced");
  if (read_modelstore_document(*replaced).path != "/m/p") need({Code::Internal, "another path"}, "replaced");
}

void pack(const std::string& text) {
  MetadataFacts facts;
  facts.domain = "d";
  facts.version = "1";
  facts.python_info = facts.model_info = facts.requirements = facts.package = facts.mlmodel = facts.tag = text;
  const std::string made = make_metadata(facts);
  need(check_given_metadata(made), "make");
  need(check_given_metadata(present_metadata(made, {"/m", "/m/d/1"})), "present");
  need(check_given_metadata(shape_for_modelstore(made, "")), "shape");
}

}  // namespace
}  // namespace modelfs

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  modelfs::bring(text);
  modelfs::pack(text);
  return 0;
}
