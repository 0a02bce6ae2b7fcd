#include "layers/position_embed.h"

#include <cmath>

#include "core/error.h"
#include "core/ops/add_position.h"

namespace tessera {

PositionEmbed::PositionEmbed(const ModelConfig& config, Size2 map, std::int64_t extra)
    : learned_({1, extra + map[0] * map[1], config.embed_dim}, Init::truncated_normal(),
               /*decay=*/false),
      has_learned_(config.position.absolute) {
  if (config.position.sincos) sincos_ = sincos_table(map, extra, config.embed_dim);
}

Var PositionEmbed::forward(Tape& tape, const Var& tokens) {
  Var x = tokens;
  if (has_learned_) x = ops::add_position(tape, x, tape.parameter(learned_));
  if (sincos_) x = ops::add_position(tape, x, tape.constant(sincos_));
  return x;
}

void PositionEmbed::visit(ParameterVisitor& visitor, std::string_view name) {
  if (has_learned_) visitor(name, learned_);
}

Tensor sincos_table(Size2 map, std::int64_t extra, std::int64_t channels) {
  if (channels % 4 != 0) {
    fail<ConfigError>(
        "model.position: sincos gives a quarter of the channels each to sines and cosines of two "
        "axes, embed_dim {} % 4 != 0: try {}",
        channels, (channels + 3) / 4 * 4);
  }
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

}  // namespace tessera
