// Any bytes are a safetensors file or a CheckpointError.
#include "formats/safetensors.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    tessera::fuzz::use(tessera::parse_safetensors(tessera::fuzz::file_of(data, size), "f"));
  } catch (const tessera::CheckpointError&) {
  }
  return 0;
}
