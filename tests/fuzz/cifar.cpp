// Any bytes are records of CIFAR-10 or CIFAR-100, and a list of class names, or a DataError.
#include "data/sets/cifar.h"

#include <cstdlib>

#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::vector<std::uint8_t> bytes(data, data + size);
  for (const std::size_t label_bytes : {1, 2}) {
    tessera::CifarRecords records{.count = 2, .label_bytes = label_bytes, .num_classes = 10};
    std::vector<std::uint8_t> pixels, labels;
    try {
      tessera::append_cifar(bytes, "f", records, pixels, labels);
      if (labels.size() != 2 || pixels.size() != 2 * 3072) std::abort();
      for (const std::uint8_t label : labels) {
        if (label >= 10) std::abort();
      }
    } catch (const tessera::DataError&) {
    }
  }
  try {
    if (tessera::parse_class_names(bytes, "f", 3).size() != 3) std::abort();
  } catch (const tessera::DataError&) {
  }
  return 0;
}
