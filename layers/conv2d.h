// A convolution with its learned kernel, for maps of any size.
#pragma once

#include "core/ops/conv2d.h"
#include "core/tape.h"
#include "layers/model_config.h"

namespace tessera {

/// What a convolution does at the edges of a map, whatever its size.
enum class EdgeRule : std::uint8_t {
  kDrop,   ///< `zeros` on every side; what no whole kernel fits on is left out, as in PyTorch
  kCover,  ///< the same, with as many more at the right and bottom as leave no pixel unseen
  kSame,   ///< as many as keep ceil(size / stride) places: see same_padding
};

struct Conv2dRule {
  Size2 stride{1, 1};
  EdgeRule edge = EdgeRule::kDrop;
  Size2 zeros{0, 0};  ///< not of kSame
  std::int64_t groups = 1;
  bool bias = true;

  /// The convolution of a map of `size`.
  ops::Conv2dConfig at(Size2 size, Size2 kernel) const;
};

/// A convolution over a map of `size` that keeps ceil(size / stride) places, for kernel >= stride.
/// Of the kernel - stride zeros half stand in front, of an odd number the larger half, as padding 1
/// of a 3 x 3 convolution with stride 2; behind stand the rest and what fills the last stride.
ops::Conv2dConfig same_padding(Size2 size, Size2 kernel, Size2 stride);

/// H' and W' of ops::conv2d; 0 where the kernel does not fit on.
Size2 conv_output(Size2 size, Size2 kernel, const ops::Conv2dConfig& config);

/// y = x * weight + bias with weight [out, in / groups, kh, kw], as PyTorch stores it. Starts from
/// PyTorch's default for convolutions, which Swin leaves as it is: weight and bias are
/// U(-1/sqrt(fan_in), 1/sqrt(fan_in)). Without `rule.bias` there is no bias.
class Conv2d {
 public:
  Conv2d(std::int64_t in_channels, std::int64_t out_channels, Size2 kernel,
         const Conv2dRule& rule = {});

  /// [B, H, W, in] -> [B, H', W', out]; see ops::conv2d for H' and W'.
  Var forward(Tape& tape, const Var& x);

  void visit(ParameterVisitor& visitor);

  Parameter& weight() { return weight_; }
  const Parameter& weight() const { return weight_; }
  Parameter& bias() { return bias_; }

  std::int64_t out_channels() const { return weight_.shape[0]; }
  Size2 kernel() const { return {weight_.shape[2], weight_.shape[3]}; }

  /// H' and W' of a map of `size`.
  Size2 output(Size2 size) const { return conv_output(size, kernel(), rule_.at(size, kernel())); }

  /// Multiply-adds over a map of `size`.
  std::int64_t macs(Size2 size) const;

  /// Rows and columns at the end of a map of `size` that no kernel reads.
  Size2 unused(Size2 size) const;

 private:
  Parameter weight_;
  Parameter bias_;
  Conv2dRule rule_;
};

}  // namespace tessera
