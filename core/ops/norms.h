// Normalisation: of each token (alone, or with the residual sum in front of it), of groups of
// channels, and of channels over a batch.
#pragma once

#include <array>
#include <cstdint>

#include "core/parameter.h"
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

struct GroupNormConfig {
  std::int64_t groups = 32;
  float eps = 1e-5f;
  bool relu = false;  ///< max(y, 0) in the same pass
};

/// y = (x - mean) / sqrt(variance + eps) * gamma + beta with mean and biased variance of a sample
/// over all positions and a group of neighbouring channels.  x [B, ..., C] f32 or bf16, gamma [C],
/// beta [C] f32 -> the shape and dtype of x. Throws ShapeError. arXiv:1803.08494.
Var group_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta,
               const GroupNormConfig& config = {});

/// The running statistics of a batch norm over C channels: a layer owns them and visits them beside
/// its parameters, as `running_mean` and `running_var`.
struct BatchStatistics {
  Buffer mean;      ///< [C], 0 at first
  Buffer variance;  ///< [C], 1 at first

  explicit BatchStatistics(std::int64_t channels)
      : mean(Shape{channels}), variance(Shape{channels}, 1.0f) {}

  void visit(ParameterVisitor& visitor) {
    visitor("running_mean", mean);
    visitor("running_var", variance);
  }
};

struct BatchNormConfig {
  float eps = 1e-5f;
  float momentum = 0.1f;  ///< weight of a batch in the running statistics
  bool frozen = false;  ///< in training too: use the running statistics and leave them as they are
  bool relu = false;    ///< max(y, 0) in the same pass
};

/// y = (x - mean) / sqrt(variance + eps) * gamma + beta for each channel. In training, mean and
/// biased variance are those of the batch, and `running` moves towards them (the variance
/// unbiased); otherwise they are the running ones.  x [B, ..., C] f32 or bf16, gamma [C], beta [C]
/// f32 -> the shape and dtype of x. Throws ShapeError, also where a channel has a single value to
/// take batch statistics of. arXiv:1502.03167.
Var batch_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta,
               BatchStatistics& running, const BatchNormConfig& config = {});

}  // namespace tessera::ops
