// Convolutions of several sizes side by side.
#pragma once

#include <vector>

#include "layers/conv2d.h"
#include "layers/model_config.h"

namespace tessera {

/// Kernels of several sizes at one stride, their results one after the other in the channel
/// dimension; CrossFormer, arXiv:2108.00154 section 3.1. The first kernel, the smallest, gives half
/// of the channels, the next a quarter, ..., the last as many as the one before it: C/2, C/4, C/8,
/// C/8. Each keeps ceil(size / stride) places: see same_padding.
class CrossScaleConv {
 public:
  CrossScaleConv(std::int64_t in_channels, std::int64_t out_channels,
                 const std::vector<Size2>& kernels, Size2 stride);

  /// [B, H, W, in] -> [B, ceil(H / stride), ceil(W / stride), out]
  Var forward(Tape& tape, const Var& x);

  /// The convolutions are named by their index.
  void visit(ParameterVisitor& visitor, std::string_view name);

  Size2 output(Size2 size) const { return convs_.front().output(size); }
  std::int64_t macs(Size2 size) const;
  std::vector<Conv2d>& convs() { return convs_; }

 private:
  std::vector<Conv2d> convs_;
};

/// C/2, C/4, C/8, C/8 for four kernels; empty if `channels` cannot be split so.
std::vector<std::int64_t> cross_scale_channels(std::int64_t channels, std::size_t kernels);

}  // namespace tessera
