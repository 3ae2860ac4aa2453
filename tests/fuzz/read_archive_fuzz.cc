// libFuzzer target: reads any bytes as an archive, into memory. Built and run by scripts/fuzz.sh.
#include "archive/reading.h"
#include "fuzz/inputs.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const modelfs::FuzzInput input = modelfs::input_of(data, size);
  modelfs::refuse_own_errors(modelfs::read_bytes(input.bytes, input.format, modelfs::small_limits()).status);
  return 0;
}
