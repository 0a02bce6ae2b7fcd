#include "layers/continuous_position_bias.h"

#include <algorithm>
#include <cmath>

#include "core/ops/activations.h"
#include "core/ops/attention_bias.h"

namespace tessera {
namespace {

constexpr std::int64_t kHidden = 512;

float log_spaced(std::int64_t offset, std::int64_t window) {
  const double d = static_cast<double>(offset);
  const double far = static_cast<double>(std::max<std::int64_t>(1, window - 1));
  return static_cast<float>(std::copysign(std::log2(1.0 + 8.0 * std::abs(d) / far) / 3.0, d));
}

Tensor log_spaced_offsets(Size2 window, Size2 measure) {
  Tensor offsets = Tensor::empty({(2 * window[0] - 1) * (2 * window[1] - 1), 2});
  float* to = offsets.f32();
  for (std::int64_t dy = 1 - window[0]; dy < window[0]; ++dy) {
    for (std::int64_t dx = 1 - window[1]; dx < window[1]; ++dx) {
      *to++ = log_spaced(dy, measure[0]);
      *to++ = log_spaced(dx, measure[1]);
    }
  }
  return offsets;
}

}  // namespace

ContinuousPositionBias::ContinuousPositionBias(Size2 window, std::int64_t pretrained,
                                               std::int64_t num_heads)
    : fc1_(2, kHidden),
      fc2_(kHidden, num_heads, /*bias=*/false),
      measure_(pretrained > 0 ? Size2{pretrained, pretrained} : window),
      window_(window),
      offsets_(log_spaced_offsets(window_, measure_)) {
  for (Linear* layer : {&fc1_, &fc2_}) layer->weight().decay = layer->weight().is_matrix = false;
}

Var ContinuousPositionBias::forward(Tape& tape, Size2 window) {
  constexpr float kLargestBias = 16.0f;
  if (window != window_) {
    offsets_ = log_spaced_offsets(window, measure_);
    window_ = window;
  }
  const Scope scope(tape, "cpb_mlp");
  const Var hidden = ops::relu(tape, fc1_.forward(tape, tape.constant(offsets_)));  // [T, 512]
  const Var table = ops::sigmoid(tape, fc2_.forward(tape, hidden), kLargestBias);   // [T, heads]
  return ops::relative_position_bias(tape, table, window_);                         // [heads, N, N]
}

void ContinuousPositionBias::visit(ParameterVisitor& visitor) {
  visitor("0", fc1_);
  visitor("2", fc2_);
}

}  // namespace tessera
