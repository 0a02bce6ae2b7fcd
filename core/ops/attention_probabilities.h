// The probabilities that window attention computes and forgets, for looking at them: plain loops.
#pragma once

#include <cstdint>
#include <vector>

#include "core/ops/window_attention.h"
#include "core/tensor.h"

namespace tessera::ops {

/// What window_attention is called with; all but qkv may be none.
struct AttentionArguments {
  Tensor qkv;          ///< [B, H, W, 3C] f32 or bf16
  Tensor bias;         ///< [heads, N, N]
  Tensor pad_qkv;      ///< [3C]
  Tensor logit_scale;  ///< [heads]
  WindowAttentionConfig config;
};

struct AttentionProbabilities {
  /// [B, windows, heads, N, N] f32: how much query row i of a window takes from key column j. Rows
  /// sum to 1, also those of padding.
  Tensor values;
  /// [windows, N]: which token of the map, y W + x before any shift, stands at a place of a window;
  /// -1: padding.
  std::vector<std::int64_t> tokens;
};

/// Softmax of the logits of window_attention with these arguments, which it must accept.
AttentionProbabilities attention_probabilities(const AttentionArguments& arguments);

}  // namespace tessera::ops
