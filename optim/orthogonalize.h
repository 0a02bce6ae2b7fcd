// The orthogonal matrix near a given one.
#pragma once

#include "core/tensor.h"

namespace tessera {

/// U V^T of the singular value decomposition U S V^T of `matrix` [rows, columns] f32, roughly: five
/// steps of the Newton-Schulz iteration x <- (a + b G + c G^2) x with G = x x^T, whose coefficients
/// (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) bring every singular value above
/// a hundredth of the Frobenius norm to between 0.7 and 1.2, and not further. Zeros stay zeros.
/// Products take operands of `dtype`; bf16 does, as the result is rough in any case.
Tensor orthogonalized(const Tensor& matrix, DType dtype);

}  // namespace tessera
