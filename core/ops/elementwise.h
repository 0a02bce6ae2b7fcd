// Functions of single elements: sums and activations; and softmax over rows.
#pragma once

#include "core/tape.h"

namespace tessera {

/// `sum += term`, element by element; f32 or bf16, the same dtype and number of elements.
void add_into(const Tensor& sum, const Tensor& term);

}  // namespace tessera

namespace tessera::ops {

/// a + b, of one shape.
Var add(Tape& tape, const Var& a, const Var& b);

/// x Phi(x) with the normal distribution function Phi, exact (erf), not the tanh approximation.
/// x f32 or bf16 of any shape -> the same shape. Gaussian Error Linear Units, arXiv:1606.08415.
Var gelu(Tape& tape, const Var& x);

/// max(x, 0); its slope at 0 is 0.  x f32 or bf16 of any shape -> the same shape.
Var relu(Tape& tape, const Var& x);

/// height / (1 + exp(-x)).  x f32 or bf16 of any shape -> the same shape.
Var sigmoid(Tape& tape, const Var& x, float height = 1.0f);

/// unit * max(scale * x, 0): how far the sides of a box lie from a place, in pixels where `unit` is
/// a stride; `scale` [1] f32 is learned, or none for 1 (arXiv:1904.01355).  x f32 or bf16 of any
/// shape -> the same shape, f32. Throws ShapeError.
Var scaled_relu(Tape& tape, const Var& x, const Var& scale, float unit);

/// exp(x - max) / sum over the last dimension.  x [..., K] f32 or bf16 -> [..., K]. Throws
/// ShapeError if there is no last dimension.
Var softmax(Tape& tape, const Var& x);

}  // namespace tessera::ops
