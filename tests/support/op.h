// Ops as tests and benchmarks call them, and random tensors to call them with.
#pragma once

#include <functional>
#include <span>

#include "core/rng.h"
#include "core/tape.h"

namespace tessera::test {

/// Some op of the inputs, in their order.
using Op = std::function<Var(Tape&, std::span<const Var>)>;

/// Normal values times `scale`; the same for the same seed.
inline Tensor random_tensor(const Shape& shape, std::uint64_t seed, float scale = 1.0f) {
  Tensor tensor = Tensor::empty(shape);
  Rng rng(seed, Stream::kSynthetic, 0, 0);
  for (float& value : tensor.span()) value = scale * rng.normal();
  return tensor;
}

}  // namespace tessera::test
