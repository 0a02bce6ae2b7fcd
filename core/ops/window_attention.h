// Attention within (shifted) windows of a feature map as one op: roll, partition, QK^T, bias, mask,
// softmax, PV and their way back by index arithmetic. Swin, Liu 2021 (arXiv:2103.14030) section 3;
// Swin v2 (arXiv:2111.09883) section 3.3 for the cosine form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/kernels/cpu.h"
#include "core/tape.h"
#include "core/tensor.h"

namespace tessera::ops {

struct WindowAttentionConfig {
  std::int64_t num_heads = 1;
  std::array<std::int64_t, 2> window{7, 7};  ///< tokens, (height, width)
  std::array<std::int64_t, 2> shift{0, 0};   ///< tokens, each in [0, window)
  bool mask_padding = true;                  ///< padding is no key; false: it takes part
  bool roll_first = false;                   ///< the map is rolled before it is padded
  float scale = 1.0f;                        ///< of the logits, head_dim^-0.5; cosine: not used
  std::optional<VectorTarget> target = {};   ///< of the kernels; none: the best on this CPU
};

/// Bytes that window_attention takes beside its inputs and outputs, whatever the batch: with more
/// than one window a thread. `saved` stays until its gradient is known.
struct AttentionMemory {
  std::int64_t saved = 0;
  std::int64_t forward = 0, backward = 0;  ///< of all threads, during each pass
  std::int64_t sums = 0;                   ///< during the backward pass as well
};
AttentionMemory window_attention_memory(const Shape& qkv, DType dtype, bool biased,
                                        const WindowAttentionConfig& config);

/// qkv [B, H, W, 3C] f32 or bf16 (q | k | v, each head-major) -> [B, H, W, C] in the dtype of qkv.
///
/// The map is padded at right and bottom up to multiples of the window, rolled by -shift, cut into
/// windows of N = wh * ww tokens, attended, and all that undone. Tokens that the roll brought
/// together from opposite sides of the map get -100 added to their logit. With roll_first it is
/// rolled before it is padded; what gets -100 stays the same places of the padded map.
///
/// bias [heads, N, N] (query row, key column) or none. pad_qkv [3C] or none (zeros): what a token
/// of the padding holds, if it takes part. logit_scale [heads] or none: if given, q and k are
/// divided by max(norm, 1e-12) and the logits multiplied by exp(min(logit_scale, ln 100)) instead
/// of scale. These three are f32. Softmax and sums are f32. Throws ShapeError.
Var window_attention(Tape& tape, const Var& qkv, const Var& bias, const Var& pad_qkv,
                     const Var& logit_scale, const WindowAttentionConfig& config);

/// table [(2th-1)(2tw-1), heads] f32, of offsets within a window of th * tw tokens -> bias [heads,
/// N, N] of a window of N = wh * ww tokens that is not larger (query row, key column): the entry of
/// offset d = query - key is row (dy+th-1)(2tw-1) + (dx+tw-1). Throws ShapeError. Liu 2021
/// (arXiv:2103.14030) section 3.2.
Var relative_position_bias(Tape& tape, const Var& table, std::array<std::int64_t, 2> window,
                           std::array<std::int64_t, 2> table_window);

/// Of the table's own window.
inline Var relative_position_bias(Tape& tape, const Var& table,
                                  std::array<std::int64_t, 2> window) {
  return relative_position_bias(tape, table, window, window);
}

/// The bias [3C] (q | k | v, f32) with its middle third replaced by zeros, which gets a zero
/// gradient. Throws ShapeError. Swin v2 projects keys without a bias (arXiv:2111.09883, its code).
Var without_key_bias(Tape& tape, const Var& bias);

/// What window_attention is called with; all but qkv may be none.
struct AttentionArguments {
  Tensor qkv;          ///< [B, H, W, 3C] f32 or bf16
  Tensor bias;         ///< [heads, N, N]
  Tensor pad_qkv;      ///< [3C]
  Tensor logit_scale;  ///< [heads]
  WindowAttentionConfig config;
};

/// What window attention computes and forgets, for looking at it: plain loops.
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
