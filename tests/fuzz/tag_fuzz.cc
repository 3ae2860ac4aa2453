// libFuzzer target: reads any bytes as the marker of a generation, tag.toml.
#include <cstdint>

#include "formats/forml_tag.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  (void)modelfs::parse_tag({reinterpret_cast<const char*>(data), size});
  return 0;
}
