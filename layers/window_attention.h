// Multi-head self-attention within windows.
#pragma once

#include "layers/linear.h"
#include "layers/window_plan.h"

namespace tessera {

/// W-MSA and SW-MSA with a relative position bias, arXiv:2103.14030 section 3.2.
class WindowAttention {
 public:
  WindowAttention(const ModelConfig& config, std::int64_t channels, std::int64_t num_heads,
                  const WindowPlan& plan, std::uint32_t lane);

  /// [B, H, W, C] -> [B, H, W, C]
  Var forward(Tape& tape, const Var& x);

  void visit(ParameterVisitor& visitor);

 private:
  Linear qkv_;
  Linear proj_;
  Parameter relative_position_bias_table_;  ///< [(2 wh - 1)(2 ww - 1), heads]
  WindowPlan plan_;
  std::int64_t num_heads_;
  bool relative_;
  bool mask_padding_;
  float dropout_;
  std::uint32_t lane_;
};

}  // namespace tessera
