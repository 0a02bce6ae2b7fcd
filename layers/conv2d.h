// A convolution with its learned kernel.
#pragma once

#include "core/ops/conv2d.h"
#include "core/tape.h"

namespace tessera {

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
  Parameter& bias() { return bias_; }

 private:
  Parameter weight_;
  Parameter bias_;
  ops::Conv2dConfig config_;
};

}  // namespace tessera
