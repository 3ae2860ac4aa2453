#include "cli/yaml_file.h"

#include "base/names.h"
#include "formats/yaml_text.h"

namespace modelfs {

Result<nlohmann::json> read_yaml_file(const ImportRoots& roots, const std::filesystem::path& path) {
  const auto text = roots.read(path, kYamlBytesMax);
  if (!text.ok()) return text.status();
  auto document = parse_yaml(*text);
  if (!document.ok()) return Status(document.code(), printable(path.string()) + ": " + document.status().message());
  return document;
}

}  // namespace modelfs
