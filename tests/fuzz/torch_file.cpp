// Any bytes are a file of torch.save or a CheckpointError.
#include "formats/torch_file.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    tessera::fuzz::use(tessera::parse_torch_file(tessera::fuzz::file_of(data, size), "f"));
  } catch (const tessera::CheckpointError&) {
  }
  return 0;
}
