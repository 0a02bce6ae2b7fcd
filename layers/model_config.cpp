#include "layers/model_config.h"

#include <algorithm>
#include <cmath>

namespace tessera {

double entry_of(const std::vector<double>& list, std::size_t index) {
  return list.at(list.size() == 1 ? 0 : index);
}

std::vector<std::int64_t> stage_channels(const ModelConfig& config) {
  std::vector<std::int64_t> channels{config.embed_dim};
  while (channels.size() < config.depths.size()) {
    const double widened = entry_of(config.channel_multiplier, channels.size() - 1) *
                           static_cast<double>(channels.back());
    // 1.1 * 100 is 110.00000000000001.
    const bool whole = std::abs(widened - std::round(widened)) < 1e-6;
    channels.push_back(whole ? std::llround(widened) : 0);
  }
  return channels;
}

std::int64_t largest_patch(const ModelConfig& config) {
  return *std::ranges::max_element(config.patch_sizes);
}

ModelConfig finest(ModelConfig config) {
  for (const std::int64_t side : config.patch_sizes) {
    for (std::int64_t& own : config.patch_size) own = std::min(own, side);
  }
  return config;
}

float norm_epsilon(const ModelConfig& config) {
  if (config.norm_epsilon > 0.0) return static_cast<float>(config.norm_epsilon);
  return config.name == ModelName::kViT ? 1e-6f : 1e-5f;
}

float patch_norm_epsilon(const ModelConfig& config) {
  if (config.patch_norm_epsilon > 0.0) return static_cast<float>(config.patch_norm_epsilon);
  return config.name == ModelName::kViT ? norm_epsilon(config) : 1e-5f;
}

std::int64_t mlp_hidden(const ModelConfig& config, std::int64_t channels) {
  return static_cast<std::int64_t>(config.mlp_ratio * static_cast<double>(channels));
}

void resolve_position(ModelConfig& config) {
  PositionConfig& position = config.position;
  if (!position.automatic) return;
  position.automatic = false;
  switch (config.name) {
    case ModelName::kSwin:
      position.relative = true;
      return;
    case ModelName::kSwinV2:
      position.continuous = true;
      return;
    case ModelName::kViT:
      position.absolute = true;
      return;
  }
}

void resolve_patch_edge(ModelConfig& config) {
  PatchEdge& edge = config.patch_embed.edge;
  if (edge == PatchEdge::kAuto)
    edge = is_dense(config.head.type) ? PatchEdge::kPad : PatchEdge::kDrop;
}

}  // namespace tessera
