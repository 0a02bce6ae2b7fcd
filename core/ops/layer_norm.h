// Layer normalisation over the last dimension, alone or with the residual sum in front of it.
#pragma once

#include <array>

#include "core/tape.h"

namespace tessera::ops {

/// y = (x - mean) / sqrt(var + eps) * gamma + beta over the last dimension, with the biased
/// variance.  x [..., C] f32 or bf16, gamma [C], beta [C] f32 -> [..., C] in the dtype of x.
/// Statistics are f32. Throws ShapeError. Layer Normalization, arXiv:1607.06450.
Var layer_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta, float eps = 1e-5f);

/// {s, layer_norm(s)} with s = x + scale[b] * branch, in one pass over memory.  x and branch
/// [B, ..., C]; scale [B] f32 holds the factors of stochastic depth (see drop_path_scale), or is
/// empty for 1. Throws ShapeError.
std::array<Var, 2> add_layer_norm(Tape& tape, const Var& x, const Var& branch, const Tensor& scale,
                                  const Var& gamma, const Var& beta, float eps = 1e-5f);

}  // namespace tessera::ops
