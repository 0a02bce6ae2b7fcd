#include "layers/swin_transformer.h"

#include <numeric>

#include "core/error.h"
#include "core/ops/dropout.h"
#include "core/ops/pool.h"

namespace tessera {
namespace {

// Dropout after the embedding; the blocks' lanes count up from 0.
constexpr std::uint32_t kEmbedLane = 0xffffu;

// Rises linearly over depth, from 0 in the first block to the full rate in the last.
std::vector<float> drop_path_rates(const ModelConfig& config) {
  const std::int64_t blocks =
      std::accumulate(config.depths.begin(), config.depths.end(), std::int64_t{0});
  std::vector<float> rates;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const double share =
        blocks > 1 ? static_cast<double>(i) / static_cast<double>(blocks - 1) : 0.0;
    rates.push_back(static_cast<float>(config.drop_path * share));
  }
  return rates;
}

std::int64_t last_channels(const ModelConfig& config) {
  return plan_model(config).stages.back().channels;
}

}  // namespace

SwinTransformer::SwinTransformer(const ModelConfig& config)
    : config_(config),
      patch_embed_(make_patch_embed(config)),
      norm_(last_channels(config)),
      head_(last_channels(config), config.num_classes) {
  const ModelPlan plan = plan_model(config);
  const std::vector<float> rates = drop_path_rates(config);
  std::size_t block = 0;
  for (std::size_t i = 0; i < plan.stages.size(); ++i) {
    const auto depth = static_cast<std::size_t>(plan.stages[i].depth);
    stages_.emplace_back(config, plan.stages[i], std::span(rates).subspan(block, depth),
                         static_cast<std::int64_t>(block), i + 1 < plan.stages.size());
    block += depth;
  }
}

Var SwinTransformer::forward(Tape& tape, const Var& images) {
  if (images.shape().rank() != 4 || images.dim(1) != config_.image_size[0] ||
      images.dim(2) != config_.image_size[1] || images.dim(3) != config_.in_channels) {
    fail<ShapeError>("[swin] images are {}, the model takes [B, {}, {}, {}]", images.shape(),
                     config_.image_size[0], config_.image_size[1], config_.in_channels);
  }
  Var tokens = patch_embed_->forward(tape, images);  // [B, H/P, W/P, D]
  tokens = ops::dropout(tape, tokens, static_cast<float>(config_.dropout), kEmbedLane);
  ResidualStream stream{tokens, {}, {}};
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const Scope scope(tape, "stages", static_cast<std::int64_t>(i));
    stream = stages_[i].forward(tape, stream);  // [B, H/2, W/2, 2C]
  }
  const Var normed = norm_.forward(tape, stream)[1];  // [B, h, w, C]
  const Scope scope(tape, "head");
  return head_.forward(tape, ops::mean_pool(tape, normed));  // [B, classes]
}

void SwinTransformer::visit(ParameterVisitor& visitor) {
  visitor("patch_embed", patch_embed_);
  visitor("stages", stages_);
  visitor("norm", norm_);
  visitor("head", head_);
}

}  // namespace tessera
