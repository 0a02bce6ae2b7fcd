// Any bytes are a list of images or a DataError.
#include <cstddef>
#include <cstdint>

#include "core/error.h"
#include "data/sets/image_list.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    tessera::parse_image_list({data, size}, "f", "below/");
  } catch (const tessera::DataError&) {
  }
  return 0;
}
