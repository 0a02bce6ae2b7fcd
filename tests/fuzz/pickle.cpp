// Any bytes are a pickle of tensors or a CheckpointError: without the archive, whose checksums
// would stop most inputs before the pickle is looked at.
#include "formats/pickle.h"

#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tessera::FileBytes bytes = tessera::fuzz::file_of(data, size);
  try {
    tessera::read_pickle(bytes.span(), "f");
  } catch (const tessera::CheckpointError&) {
  }
  return 0;
}
