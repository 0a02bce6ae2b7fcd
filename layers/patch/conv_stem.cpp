#include "layers/patch/conv_stem.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/ops/elementwise.h"

namespace tessera {
namespace {

constexpr std::int64_t kLeastChannels = 8;

bool is_power_of_two(std::int64_t value) {
  return std::has_single_bit(static_cast<std::uint64_t>(value));
}

/// Convolutions that halve one axis.
std::int64_t halvings(std::int64_t patch) {
  return std::countr_zero(static_cast<std::uint64_t>(patch));
}

std::int64_t halvings(const Size2& patch) {
  return std::max(halvings(patch[0]), halvings(patch[1]));
}

std::vector<std::int64_t> stem_channels(const ModelConfig& config) {
  if (!config.patch_embed.stem_channels.empty()) return config.patch_embed.stem_channels;
  const std::int64_t depth = std::max<std::int64_t>(1, halvings(config.patch_size));
  std::vector<std::int64_t> channels;
  for (std::int64_t left = depth - 1; left >= 0; --left) {
    channels.push_back(std::max(kLeastChannels, config.embed_dim >> left));
  }
  return channels;
}

}  // namespace

std::vector<StemConv> stem_convs(const ModelConfig& config) {
  std::vector<StemConv> convs;
  for (const std::int64_t channels : stem_channels(config)) {
    const auto index = static_cast<std::int64_t>(convs.size());
    Size2 stride{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
      stride[axis] = index < halvings(config.patch_size[axis]) ? 2 : 1;
    }
    convs.push_back({channels, {.stride = stride, .edge = EdgeRule::kSame}});
  }
  return convs;
}

std::vector<ConfigProblem> ConvStem::problems(const ModelConfig& config) {
  for (const std::int64_t patch : config.patch_size) {
    if (is_power_of_two(patch)) continue;
    const auto below = std::bit_floor(static_cast<std::uint64_t>(patch));
    return {
        {{"model.patch_size", "model.patch_embed.type"},
         fmt::format("patch_embed.type conv_stem halves the map step by step, patch_size {} is no "
                     "power of two; use {} or {}, or another type",
                     patch, below, 2 * below)}};
  }
  const std::size_t given = config.patch_embed.stem_channels.size();
  const std::int64_t least = halvings(config.patch_size);
  if (given != 0 && static_cast<std::int64_t>(given) < least) {
    return {{{"model.patch_embed.stem_channels", "model.patch_size"},
             fmt::format("patch_embed.stem_channels has {} entr{}, patch_size {} takes {} "
                         "convolutions of stride 2; give at least {}, or auto",
                         given, given == 1 ? "y" : "ies", by(config.patch_size), least, least)}};
  }
  return {};
}

void ConvStem::Convolution::visit(ParameterVisitor& visitor) {
  visitor("conv", conv);
  visitor("norm", norm);
}

ConvStem::ConvStem(const ModelConfig& config)
    : proj_(stem_channels(config).back(), config.embed_dim) {
  std::int64_t channels = config.in_channels;
  for (const StemConv& conv : stem_convs(config)) {
    stem_.push_back({Conv2d(channels, conv.channels, StemConv::kKernel, conv.rule),
                     LayerNorm(conv.channels, patch_norm_epsilon(config))});
    channels = conv.channels;
  }
  stem_.front().conv.weight().reads_pixels = true;
  if (config.patch_embed.norm) norm_.emplace(config.embed_dim, patch_norm_epsilon(config));
}

PatchEmbedPlan ConvStem::plan(Size2 image) const {
  PatchEmbedPlan plan{.map = image};
  for (const Convolution& part : stem_) {
    plan.macs += part.conv.macs(plan.map);
    plan.map = part.conv.output(plan.map);
    plan.saved +=
        2 * plan.map[0] * plan.map[1] * part.conv.out_channels();  // before norm, after ReLU
  }
  const std::int64_t tokens = plan.map[0] * plan.map[1];
  plan.macs += tokens * proj_.in_features() * proj_.out_features();
  if (norm_) plan.saved += tokens * proj_.out_features();
  return plan;
}

Var ConvStem::forward(Tape& tape, const Var& images) {
  const Scope scope(tape, "patch_embed");
  Var x = images;
  for (std::size_t i = 0; i < stem_.size(); ++i) {
    const Scope part(tape, "stem", static_cast<std::int64_t>(i));
    x = ops::relu(tape, stem_[i].norm.forward(tape, stem_[i].conv.forward(tape, x)));
  }
  const Var tokens = proj_.forward(tape, x);  // [B, h, w, D]
  return norm_ ? norm_->forward(tape, tokens) : tokens;
}

void ConvStem::visit(ParameterVisitor& visitor) {
  visitor("stem", stem_);
  visitor("proj", proj_);
  if (norm_) visitor("norm", *norm_);
}

}  // namespace tessera
