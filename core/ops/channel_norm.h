// What batch norm and group norm have in common: rows of channels, normalised by statistics over
// many rows.
#pragma once

#include "core/ops/group_statistics.h"
#include "core/tape.h"

namespace tessera {

/// y = (x - mean) rstd gamma + beta, and where `relu` is asked for, max(y, 0).
struct ChannelNorm {
  ChannelGroups groups{};
  Tensor x{};
  Tensor mean{};   ///< f32 [samples, C]
  Tensor rstd{};   ///< f32 [samples, C]
  Tensor gamma{};  ///< f32 [C]
  Tensor beta{};   ///< f32 [C]
  bool relu = false;
  bool fixed_statistics = false;  ///< mean and rstd do not depend on x
  Peers* peers = nullptr;         ///< have more rows of the same sample, if there are any
  double count = 0.0;             ///< values that one mean is taken of, the peers' included

  void forward(const Tensor& y) const;

  /// Gradients of x (into `dx`, which may be `dy`; an empty one is not wanted), gamma and beta.
  void backward(const Tensor& dy, const Tensor& dx, const GradSink& dgamma,
                const GradSink& dbeta) const;
};

/// Writes statistics of groups to all their channels: mean and rstd of `norm`.
void spread_statistics(const GroupStatistics& statistics, float eps, ChannelNorm& norm);

/// Checks and records: the op's last step once statistics are known.
Var record_channel_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta,
                        ChannelNorm norm);

/// Throws ShapeError in the name of `op` unless gamma and beta are [C] of x [B, ..., C].
void check_channel_norm(const char* op, const Var& x, const Var& gamma, const Var& beta);

}  // namespace tessera
