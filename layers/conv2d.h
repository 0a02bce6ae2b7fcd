// A convolution with its learned kernel.
#pragma once

#include "core/ops/conv2d.h"
#include "core/tape.h"

namespace tessera {

/// A convolution over a map of `size` that keeps ceil(size / stride) places, for kernel >= stride.
/// Of the kernel - stride zeros half stand in front, of an odd number the larger half, as padding 1
/// of a 3 x 3 convolution with stride 2; behind stand the rest and what fills the last stride.
ops::Conv2dConfig padded_conv(std::array<std::int64_t, 2> size, std::array<std::int64_t, 2> kernel,
                              std::array<std::int64_t, 2> stride);

/// H' and W' of ops::conv2d.
std::array<std::int64_t, 2> conv_output(std::array<std::int64_t, 2> size,
                                        std::array<std::int64_t, 2> kernel,
                                        const ops::Conv2dConfig& config);

/// y = x * weight + bias with weight [out, in / groups, kh, kw], as PyTorch stores it. Starts from
/// PyTorch's default for convolutions, which Swin leaves as it is: weight and bias are
/// U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
class Conv2d {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, std::array<std::int64_t, 2> kernel,
         const ops::Conv2dConfig& config = {});

  /// [B, H, W, in] -> [B, H', W', out]; see ops::conv2d for H' and W'.
  Var forward(Tape& tape, const Var& x);

  void visit(ParameterVisitor& visitor);

  Parameter& weight() { return weight_; }
  const Parameter& weight() const { return weight_; }
  Parameter& bias() { return bias_; }

  std::int64_t out_channels() const { return weight_.shape[0]; }

  std::array<std::int64_t, 2> output(std::array<std::int64_t, 2> size) const {
    return conv_output(size, {weight_.shape[2], weight_.shape[3]}, config_);
  }

  /// Multiply-adds over a map of `size`.
  std::int64_t macs(std::array<std::int64_t, 2> size) const;

  /// Rows and columns at the end of a map of `size` that no kernel reads.
  std::array<std::int64_t, 2> unused(std::array<std::int64_t, 2> size) const;

 private:
  Parameter weight_;
  Parameter bias_;
  ops::Conv2dConfig config_;
};

}  // namespace tessera
