// Gradients to the pixels: what a part of a network sees.
#pragma once

#include <functional>

#include "layers/model.h"

namespace tessera::report {

/// d(sum(weights * y))/d(images), [B, H, W, C], for `y = forward(tape, images)`; `weights` has the
/// shape of y. The model's parameters must be frozen, and its dropout and drop path off.
Tensor pixel_gradient(const Tensor& images, const std::function<Var(Tape&, const Var&)>& forward,
                      const std::function<Tensor(const Shape&)>& weights);

}  // namespace tessera::report
