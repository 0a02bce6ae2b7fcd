// A tensor and the name it goes by in files.
#pragma once

#include <string>

#include "core/tensor.h"

namespace tessera {

/// The tensor is a handle: writing into it writes into what it was taken from.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace tessera
