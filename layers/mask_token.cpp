#include "layers/mask_token.h"

#include <fmt/format.h>

#include <cmath>
#include <numeric>
#include <utility>

namespace tessera {
namespace {

/// Addresses of the draws, of training and of evaluation; those of the blocks count up from 0.
constexpr std::uint32_t kMaskDraw = 0xfffeu, kEvaluationDraw = 0xfffdu;

Size2 squares_of(Size2 image, std::int64_t side) {
  return {(image[0] + side - 1) / side, (image[1] + side - 1) / side};
}

}  // namespace

Size2 last_stride(const ModelConfig& config) {
  const std::int64_t merged = std::int64_t{1} << (config.depths.size() - 1);
  return {config.patch_size[0] * merged, config.patch_size[1] * merged};
}

std::int64_t mask_side(const ModelConfig& config) {
  if (config.head.masking.side != kAutoMaskSide) return config.head.masking.side;
  const Size2 stride = last_stride(config);
  return std::lcm(stride[0], stride[1]);
}

std::int64_t hidden_count(const MaskingConfig& config, std::int64_t count) {
  // 0.6 * 5 is 3 and not a little more.
  return static_cast<std::int64_t>(std::ceil(config.ratio * static_cast<double>(count) - 1e-9));
}

std::vector<ConfigProblem> masking_problems(const ModelConfig& config) {
  const std::int64_t side = mask_side(config);
  const Size2 patch = config.patch_size, image = config.image_size;
  const Size2 squares = squares_of(image, side);
  const std::int64_t count = squares[0] * squares[1],
                     hidden = hidden_count(config.head.masking, count);
  std::vector<ConfigProblem> problems;
  if (config.pool == Pooling::kToken) {
    problems.push_back({{"model.pool", "model.head.type"},
                        "pool token: head pixels has no use for a class token; use mean"});
  }
  if (config.patch_embed.type == PatchEmbedType::kSliding) {
    problems.push_back({{"model.patch_embed.type", "model.head.type"},
                        "patch_embed.type sliding: its tokens are not those of patches, which head "
                        "pixels hides; use another"});
  }
  if (side % patch[0] != 0 || side % patch[1] != 0) {
    const std::int64_t whole = std::lcm(patch[0], patch[1]);
    problems.push_back({{"task.mask_size", "model.patch_size"},
                        fmt::format("mask_size {} is not made of whole patches of {}; use {}", side,
                                    by(patch), (side + whole - 1) / whole * whole)});
  } else if (hidden >= count || hidden < 1) {
    problems.push_back({{"task.mask_size", "task.mask_ratio"},
                        fmt::format("mask_ratio {} hides {} of the {} squares of {} in {}; use a "
                                    "smaller mask_size or another ratio",
                                    config.head.masking.ratio, hidden, count, side, by(image)),
                        {"model.image_size"}});
  }
  return problems;
}

ops::HiddenPatches draw_hidden(const Tape& tape, const ModelConfig& config, std::int64_t batch,
                               Size2 image) {
  const std::int64_t side = mask_side(config);
  const Size2 squares = squares_of(image, side);
  const std::int64_t count = squares[0] * squares[1];
  ops::HiddenPatches hidden{Tensor::zeros({batch, squares[0], squares[1]}), {side, side}};
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  for (std::int64_t b = 0; b < batch; ++b) {
    Rng rng = tape.rng(Stream::kDropout, tape.training() ? kMaskDraw : kEvaluationDraw, b);
    std::iota(order.begin(), order.end(), 0);
    for (std::int64_t i = 0; i < hidden_count(config.head.masking, count); ++i) {
      const auto from = i + std::int64_t{rng.below(static_cast<std::uint32_t>(count - i))};
      std::swap(order[static_cast<std::size_t>(i)], order[static_cast<std::size_t>(from)]);
      hidden.mask.f32()[b * count + order[static_cast<std::size_t>(i)]] = 1.0f;
    }
  }
  return hidden;
}

MaskToken::MaskToken(const ModelConfig& config)
    : config_(config),
      token_({1, 1, config.embed_dim}, Init::truncated_normal(), /*decay=*/false) {}

Var MaskToken::cover(Tape& tape, const Var& images) const {
  if (config_.patch_embed.type == PatchEmbedType::kLinear) return images;
  const Size2 size{images.dim(1), images.dim(2)};
  const Var mean = tape.constant(Tensor::zeros({1, 1, images.dim(3)}));  // of normalised pixels
  return ops::replace_tokens(tape, images, mean, draw_hidden(tape, config_, images.dim(0), size));
}

Var MaskToken::forward(Tape& tape, const Var& tokens, Size2 image) {
  ops::HiddenPatches hidden = draw_hidden(tape, config_, tokens.dim(0), image);
  hidden.side[0] /= config_.patch_size[0];
  hidden.side[1] /= config_.patch_size[1];
  return ops::replace_tokens(tape, tokens, tape.parameter(token_), hidden);
}

}  // namespace tessera
