// libFuzzer target: reads any bytes as YAML, and prints what came of it.
#include <cstdint>

#include "formats/yaml_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto document = modelfs::parse_yaml({reinterpret_cast<const char*>(data), size});
  if (document.ok()) (void)document->dump();
  return 0;
}
