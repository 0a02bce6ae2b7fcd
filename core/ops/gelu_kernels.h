// GELU of plain arrays, for ops that have it in their middle.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace tessera::ops {

/// y = x Phi(x); `y` may be `x`.
void gelu_forward(const float* x, float* y, std::int64_t count);
void gelu_forward(const BF16* x, BF16* y, std::int64_t count);

/// The same together with dx = dy gelu'(x), where backward needs the forward result once more; `dx`
/// may be `dy`.
void gelu_forward_backward(const float* x, const float* dy, float* y, float* dx,
                           std::int64_t count);
void gelu_forward_backward(const BF16* x, const BF16* dy, BF16* y, BF16* dx, std::int64_t count);

}  // namespace tessera::ops
