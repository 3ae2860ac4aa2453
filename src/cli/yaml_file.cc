#include "cli/yaml_file.h"

#include <fcntl.h>

#include "base/file.h"
#include "base/names.h"
#include "catalog/yaml_text.h"

namespace modelfs {

Result<nlohmann::json> read_yaml_file(const std::string& path) {
  const auto file = open_at(AT_FDCWD, path, O_RDONLY | O_NONBLOCK);
  const auto text = file.ok() ? read_all(file->fd(), kYamlBytesMax) : Result<std::string>(file.status());
  if (!text.ok()) return Status(text.code(), printable(path) + ": " + text.status().message());
  auto document = parse_yaml(*text);
  if (!document.ok()) return Status(document.code(), printable(path) + ": " + document.status().message());
  return document;
}

}  // namespace modelfs
