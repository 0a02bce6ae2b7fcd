#include "layers/window_attention.h"

#include <cmath>

#include "core/ops/dropout.h"
#include "core/ops/relative_position.h"
#include "core/ops/window_attention.h"

namespace tessera {

WindowAttention::WindowAttention(const ModelConfig& config, std::int64_t channels,
                                 std::int64_t num_heads, const WindowPlan& plan, std::uint32_t lane)
    : qkv_(channels, 3 * channels, config.qkv_bias),
      proj_(channels, channels),
      relative_position_bias_table_(
          {(2 * plan.window[0] - 1) * (2 * plan.window[1] - 1), num_heads},
          Init::truncated_normal(), /*decay=*/false),
      plan_(plan),
      num_heads_(num_heads),
      relative_(config.position.relative),
      mask_padding_(config.padding == WindowPadding::kMasked),
      dropout_(static_cast<float>(config.dropout)),
      lane_(lane) {}

Var WindowAttention::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "attn");
  const Var qkv = qkv_.forward(tape, x);  // [B, H, W, 3C]
  Var bias;                               // [heads, N, N]
  if (relative_) {
    bias = ops::relative_position_bias(tape, tape.parameter(relative_position_bias_table_),
                                       plan_.window);
  }
  // Padding that takes part is a zero before the projection, so the projection's bias after it.
  Var pad;
  if (!mask_padding_ && qkv_.has_bias()) pad = tape.parameter(qkv_.bias());
  const float head_dim = static_cast<float>(x.dim(-1) / num_heads_);
  const Var y = ops::window_attention(tape, qkv, bias, pad, Var{},
                                      {.num_heads = num_heads_,
                                       .window = plan_.window,
                                       .shift = plan_.shift,
                                       .mask_padding = mask_padding_,
                                       .scale = 1.0f / std::sqrt(head_dim)});  // [B, H, W, C]
  return ops::dropout(tape, proj_.forward(tape, y), dropout_, lane_);
}

void WindowAttention::visit(ParameterVisitor& visitor) {
  if (relative_) visitor("relative_position_bias_table", relative_position_bias_table_);
  visitor("qkv", qkv_);
  visitor("proj", proj_);
}

}  // namespace tessera
