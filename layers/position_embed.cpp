#include "layers/position_embed.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/resize.h"
#include "core/ops/tokens.h"
#include "core/ops/window_attention.h"

namespace tessera {

std::vector<ConfigProblem> PositionEmbed::problems(const ModelConfig& config) {
  const PositionConfig& position = config.position;
  if (position.absolute && position.sincos) {
    return {
        {{"model.position"}, "position absolute and sincos are two ways to one table; use one"}};
  }
  if (position.sincos && config.embed_dim % 4 != 0) {
    return {{{"model.embed_dim", "model.position"},
             fmt::format("position sincos needs embed_dim % 4 == 0, got {}; try {}",
                         config.embed_dim, (config.embed_dim + 3) / 4 * 4)}};
  }
  return {};
}

PositionEmbed::PositionEmbed(const ModelConfig& config, Size2 map, std::int64_t extra)
    : map_(map),
      extra_(extra),
      learned_({1, extra + map[0] * map[1], config.embed_dim}, Init::truncated_normal(),
               /*decay=*/false),
      has_learned_(config.position.absolute),
      has_sincos_(config.position.sincos) {}

Var PositionEmbed::learned(Tape& tape, Size2 map) {
  Var table = tape.parameter(learned_);
  if (map == map_) return table;
  const std::int64_t channels = learned_.shape[2];
  if (extra_ > 0) {
    fail<ShapeError>(
        "[position] the table beside the class token is that of {} tokens, the image has {}: give "
        "images of the configured size, or use model.position sincos",
        by(map_), by(map));
  }
  table.value = table.value.reshape({1, map_[0], map_[1], channels});
  return ops::resize(tape, table, map, ops::ResizeMode::kBicubic);  // [1, h, w, C]
}

Var PositionEmbed::sincos(Tape& tape, Size2 map) {
  if (map != sincos_map_) {
    sincos_ = sincos_table(map, extra_, learned_.shape[2]);
    sincos_map_ = map;
  }
  return tape.constant(sincos_);
}

Var PositionEmbed::forward(Tape& tape, const Var& tokens, Size2 map) {
  Var x = tokens;
  if (has_learned_) x = ops::add_position(tape, x, learned(tape, map));
  if (has_sincos_) x = ops::add_position(tape, x, sincos(tape, map));
  return x;
}

void PositionEmbed::visit(ParameterVisitor& visitor, std::string_view name) {
  if (has_learned_) visitor(name, learned_);
}

Tensor sincos_table(Size2 map, std::int64_t extra, std::int64_t channels) {
  const std::int64_t quarter = channels / 4;
  Tensor table = Tensor::zeros({1, extra + map[0] * map[1], channels});
  float* row = table.f32() + extra * channels;
  for (std::int64_t y = 0; y < map[0]; ++y) {
    for (std::int64_t x = 0; x < map[1]; ++x, row += channels) {
      for (std::int64_t i = 0; i < quarter; ++i) {
        const double frequency =
            std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(quarter));
        const double px = static_cast<double>(x) * frequency;
        const double py = static_cast<double>(y) * frequency;
        row[i] = static_cast<float>(std::sin(px));
        row[quarter + i] = static_cast<float>(std::cos(px));
        row[2 * quarter + i] = static_cast<float>(std::sin(py));
        row[3 * quarter + i] = static_cast<float>(std::cos(py));
      }
    }
  }
  return table;
}

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
