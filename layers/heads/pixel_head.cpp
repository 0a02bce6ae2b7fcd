#include "layers/heads/pixel_head.h"

namespace tessera {
namespace {

std::int64_t decoded_channels(const ModelConfig& config) {
  const Size2 stride = last_stride(config);
  return stride[0] * stride[1] * config.in_channels;
}

}  // namespace

PixelHead::PixelHead(const ModelConfig& config)
    : config_(config),
      stage_(config.depths.size() - 1),
      decoder_(stage_channels(config).back(), decoded_channels(config), {1, 1}) {}

HeadPlan PixelHead::plan(std::span<const MapShape> maps, Size2) const {
  const Size2 map = maps[stage_].map;
  return {.macs = decoder_.macs(map),
          .saved = map[0] * map[1] * (maps[stage_].channels + decoder_.out_channels()),
          .largest = decoder_.weight().shape.numel()};
}

std::vector<Var> PixelHead::forward(Tape& tape, std::span<const StageMap> maps, Size2 image) {
  const Var& map = maps[stage_].normed;
  const Var deep = decoder_.forward(tape, map);                             // [B, h, w, C S S]
  const Var pixels = ops::pixel_shuffle(tape, deep, last_stride(config_));  // [B, h S, w S, C]
  return {pixels, tape.constant(draw_hidden(tape, config_, map.dim(0), image).mask)};
}

void PixelHead::visit(ParameterVisitor& visitor) { visitor("decoder", decoder_); }

}  // namespace tessera
