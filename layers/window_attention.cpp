#include "layers/window_attention.h"

#include <cmath>

#include "core/ops/dropout.h"
#include "core/ops/linear.h"
#include "core/ops/window_attention.h"

namespace tessera {

WindowAttention::WindowAttention(const ModelConfig& config, const StagePlan& stage, bool shifted,
                                 std::uint32_t draw)
    : qkv_(stage.channels, 3 * stage.channels, config.qkv_bias),
      proj_(stage.channels, stage.channels),
      logit_scale_({stage.num_heads, 1, 1}, Init::constant(std::log(10.0f)), /*decay=*/false),
      rule_(window_rule(config, shifted)),
      window_(stage.windows.window),
      num_heads_(stage.num_heads),
      relative_(config.position.relative),
      cosine_(config.name == ModelName::kSwinV2),
      padding_(config.padding),
      dropout_(static_cast<float>(config.dropout)),
      draw_(draw) {
  rule_.window = window_;
  relative_position_bias_table_ =
      Parameter({(2 * window_[0] - 1) * (2 * window_[1] - 1), num_heads_}, Init::truncated_normal(),
                /*decay=*/false);
  if (config.position.continuous) cpb_mlp_.emplace(window_, stage.pretrained_window, num_heads_);
}

Var WindowAttention::position_bias(Tape& tape, Size2 window) {
  if (cpb_mlp_) return cpb_mlp_->forward(tape, window);
  if (!relative_) return {};
  return ops::relative_position_bias(tape, tape.parameter(relative_position_bias_table_), window,
                                     window_);
}

Var WindowAttention::forward(Tape& tape, const Var& x, ModelTrace* trace) {
  const Scope scope(tape, "attn");
  Var qkv_bias = qkv_.has_bias() ? tape.parameter(qkv_.bias()) : Var{};
  if (cosine_ && qkv_bias) qkv_bias = ops::without_key_bias(tape, qkv_bias);
  const Var qkv = ops::linear(tape, x, tape.parameter(qkv_.weight()), qkv_bias);  // [B, H, W, 3C]
  const WindowPlan plan = rule_.plan({x.dim(1), x.dim(2)});
  const Var bias = position_bias(tape, plan.window);  // [heads, N, N]
  // Padding that takes part is a zero before the projection, so the projection's bias after it.
  const bool mask_padding = padding_ == WindowPadding::kMasked;
  const Var pad = mask_padding ? Var{} : qkv_bias;
  Var logit_scale;
  if (cosine_) {
    logit_scale = tape.parameter(logit_scale_);
    logit_scale.value = logit_scale.value.reshape({num_heads_});
  }
  const float head_dim = static_cast<float>(x.dim(-1) / num_heads_);
  const ops::WindowAttentionConfig config{.num_heads = num_heads_,
                                          .window = plan.window,
                                          .shift = plan.shift,
                                          .mask_padding = mask_padding,
                                          .roll_first = padding_ == WindowPadding::kTimm,
                                          .scale = 1.0f / std::sqrt(head_dim)};
  if (trace != nullptr) {
    trace->attention.push_back({qkv.value, bias.value, pad.value, logit_scale.value, config});
  }
  const Var y = ops::window_attention(tape, qkv, bias, pad, logit_scale, config);  // [B, H, W, C]
  return ops::dropout(tape, proj_.forward(tape, y), dropout_, draw_);
}

void WindowAttention::visit(ParameterVisitor& visitor) {
  if (relative_) visitor("relative_position_bias_table", relative_position_bias_table_);
  if (cosine_) visitor("logit_scale", logit_scale_);
  if (cpb_mlp_) visitor("cpb_mlp", *cpb_mlp_);
  visitor("qkv", qkv_);
  visitor("proj", proj_);
}

}  // namespace tessera
