// The building block of dense heads: convolution, norm, ReLU.
#pragma once

#include <cstdint>
#include <optional>

#include "core/ops/norms.h"
#include "layers/conv2d.h"
#include "layers/heads/head.h"
#include "layers/heads/head_config.h"

namespace tessera {

struct ConvNormRule {
  HeadNorm norm = HeadNorm::kGroup;
  std::int64_t groups = 32;  ///< of group norm, arXiv:1803.08494 section 4; see norm_groups
  bool bias = false;         ///< of the convolution
};

/// The largest divisor of `channels` that also divides `groups`.
std::int64_t norm_groups(std::int64_t channels, std::int64_t groups);

/// relu(norm(conv(x))) with a kernel of `side` x `side` and as many zeros as keep the map's size.
/// Norms add 1e-5 to the variance; batch norm's running statistics move by 0.1.
class ConvNorm {
 public:
  static constexpr float kEpsilon = 1e-5f;

  ConvNorm(std::int64_t in_channels, std::int64_t out_channels, std::int64_t side,
           const ConvNormRule& rule);

  std::int64_t in_channels() const { return conv_.weight().shape[1]; }

  /// [B, H, W, in] -> [B, H, W, out]. Throws ShapeError, also where batch norm has a single value
  /// to take statistics of.
  Var forward(Tape& tape, const Var& x);

  /// Over a map of `size`.
  HeadPlan plan(Size2 size) const;

  Conv2d& conv() { return conv_; }

  /// `conv` and `norm`.
  void visit(ParameterVisitor& visitor);

 private:
  Conv2d conv_;
  ConvNormRule rule_;
  Parameter weight_;  ///< of the norm, [out]
  Parameter bias_;    ///< likewise
  std::optional<ops::BatchStatistics> statistics_;
};

/// Whole maps dropped out, then a linear map of every position to the classes.
class PixelClassifier {
 public:
  /// `draw` tells its dropout from others.
  PixelClassifier(std::int64_t channels, std::int64_t classes, double dropout, std::uint32_t draw);

  std::int64_t classes() const { return conv_.out_channels(); }

  /// [B, H, W, C] -> [B, H, W, K]
  Var forward(Tape& tape, const Var& x);

  HeadPlan plan(Size2 size) const;

  void visit(ParameterVisitor& visitor);

 private:
  Conv2d conv_;
  float dropout_;
  std::uint32_t draw_;
};

}  // namespace tessera
