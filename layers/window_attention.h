// Multi-head self-attention within windows.
#pragma once

#include <optional>
#include <vector>

#include "core/ops/window_attention.h"
#include "layers/linear.h"
#include "layers/position_embed.h"
#include "layers/stage_plan.h"

namespace tessera {

/// What happens inside a network during a forward pass, for those who want to look.
struct ModelTrace {
  /// The arguments of every block's attention, blocks counted through all stages.
  std::vector<ops::AttentionArguments> attention;
};

/// W-MSA and SW-MSA with a relative position bias, arXiv:2103.14030 section 3.2. In Swin v2 with
/// cosine similarity, a learned scale for each head and no bias of the keys, arXiv:2111.09883
/// section 3.3. One window over the whole map makes it the attention of ViT.
///
/// Maps may have any size: windows follow from the map of the call, but are no larger than those of
/// the map that the layer is built for, whose offsets the table of biases holds. Smaller ones, on
/// smaller maps, use the part of it in the middle.
class WindowAttention {
 public:
  /// `draw` is the address of dropout's random numbers.
  WindowAttention(const ModelConfig& config, const StagePlan& stage, bool shifted,
                  std::uint32_t draw);

  /// [B, H, W, C] -> [B, H, W, C]. Appends to `trace->attention`, if given. Throws ShapeError if
  /// the window is the map and that is larger than a table of biases.
  Var forward(Tape& tape, const Var& x, ModelTrace* trace = nullptr);

  void visit(ParameterVisitor& visitor);

 private:
  Var position_bias(Tape& tape, Size2 window);

  Linear qkv_;  ///< Swin v2 does not use the middle third of its bias
  Linear proj_;
  Parameter relative_position_bias_table_;  ///< [(2 wh - 1)(2 ww - 1), heads]
  std::optional<ContinuousPositionBias> cpb_mlp_;
  Parameter logit_scale_;  ///< [heads, 1, 1], logarithm of the factor of cosine similarities
  WindowRule rule_;
  Size2 window_;  ///< of the map that it is built for
  std::int64_t num_heads_;
  bool relative_;
  bool cosine_;
  WindowPadding padding_;
  float dropout_;
  std::uint32_t draw_;
};

}  // namespace tessera
