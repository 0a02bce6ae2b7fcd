#include "report/probes/attention_maps.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "layers/patch/conv_patch_embed.h"
#include "layers/stage_plan.h"

namespace tessera {
namespace {

/// The arguments of one image alone.
ops::AttentionArguments of_image(ops::AttentionArguments arguments, std::int64_t image) {
  const Tensor& qkv = arguments.qkv;
  const std::int64_t elements = qkv.numel() / qkv.dim(0);
  arguments.qkv = qkv.slice(image * elements, {1, qkv.dim(1), qkv.dim(2), qkv.dim(3)});
  return arguments;
}

/// What the tokens of an image get from token `query`, or from all: [heads, tokens].
Tensor attention_of(const ops::AttentionArguments& arguments, std::optional<std::int64_t> query) {
  const ops::AttentionProbabilities p = ops::attention_probabilities(arguments);
  const std::int64_t windows = p.values.dim(1), heads = p.values.dim(2), n = p.values.dim(3);
  const std::int64_t tokens = arguments.qkv.dim(1) * arguments.qkv.dim(2);
  Tensor received = Tensor::zeros({heads, tokens});
  const float* row = p.values.f32();
  for (std::int64_t window = 0; window < windows; ++window) {
    const std::int64_t* const token = p.tokens.data() + window * n;
    for (std::int64_t head = 0; head < heads; ++head) {
      for (std::int64_t i = 0; i < n; ++i, row += n) {
        if (token[i] < 0 || (query && token[i] != *query)) continue;
        for (std::int64_t j = 0; j < n; ++j) {
          if (token[j] >= 0) received.f32()[head * tokens + token[j]] += row[j];
        }
      }
    }
  }
  return received;
}

/// [heads, 1 + tokens] -> [heads, tokens]
Tensor without_class_token(const Tensor& received) {
  const std::int64_t heads = received.dim(0), tokens = received.dim(1) - 1;
  Tensor rest = Tensor::empty({heads, tokens});
  for (std::int64_t head = 0; head < heads; ++head) {
    const float* from = received.f32() + head * (tokens + 1) + 1;
    std::copy(from, from + tokens, rest.f32() + head * tokens);
  }
  return rest;
}

/// What the tokens of the embedding stand for. Patches that overlap have cells around their
/// middles.
AttentionMap embedded(const ModelConfig& config) {
  AttentionMap map{.heads = {}, .cell = patch_rule(config).stride, .query = {}};
  const PatchEmbedPlan plan = plan_model(config).embed;
  const bool slides = config.patch_embed.type == PatchEmbedType::kSliding ||
                      config.patch_embed.type == PatchEmbedType::kOverlap;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    map.seen[axis] = config.image_size[axis] - plan.unused_pixels[axis];
    if (!slides) continue;
    const std::int64_t beyond = (patch_kernel(config)[axis] - map.cell[axis]) / 2;
    const std::int64_t zeros = patch_conv(config, config.image_size).pad_begin[axis];
    map.first[axis] = std::max<std::int64_t>(0, beyond - zeros);
  }
  return map;
}

/// The place of a pixel among the patches.
Size2 patch_at(const AttentionMap& map, const Size2& grid, Size2 pixel) {
  Size2 patch{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (pixel[axis] < 0 || pixel[axis] >= map.seen[axis]) {
      fail<ConfigError>(
          "[attention] pixel x {}, y {} of the model's image belongs to no patch: x must be less "
          "than {}, y than {}",
          pixel[1], pixel[0], map.seen[1], map.seen[0]);
    }
    patch[axis] = std::clamp<std::int64_t>((pixel[axis] - map.first[axis]) / map.cell[axis], 0,
                                           grid[axis] - 1);
  }
  return patch;
}

}  // namespace

Tensor AttentionMap::mean() const {
  const std::int64_t count = heads.dim(0), tokens = heads.dim(1) * heads.dim(2);
  Tensor mean = Tensor::zeros({heads.dim(1), heads.dim(2)});
  for (std::int64_t i = 0; i < count * tokens; ++i) {
    mean.f32()[i % tokens] += heads.f32()[i] / static_cast<float>(count);
  }
  return mean;
}

std::vector<AttentionMap> attention_maps(const ModelTrace& trace, const ModelConfig& config,
                                         std::int64_t image, std::optional<Size2> pixel) {
  const ModelPlan plan = plan_model(config);
  const AttentionMap embed = embedded(config);
  const bool has_token = config.pool == Pooling::kToken;
  std::vector<AttentionMap> maps;
  for (std::size_t s = 0; s < plan.stages.size(); ++s) {
    const auto stage = static_cast<std::int64_t>(s);
    const Size2 size = has_token ? plan.embed.map : plan.stages[s].map;
    for (std::int64_t block = 0; block < plan.stages[s].depth; ++block) {
      AttentionMap map = embed;
      map.stage = stage;
      map.block = block;
      map.cell = {embed.cell[0] << stage, embed.cell[1] << stage};
      std::optional<std::int64_t> query;
      if (pixel) {
        const Size2 patch = patch_at(embed, plan.embed.map, *pixel);
        map.query = Size2{patch[0] >> stage, patch[1] >> stage};
        query = (*map.query)[0] * size[1] + (*map.query)[1] + (has_token ? 1 : 0);
      } else if (has_token) {
        query = 0;
      }
      const Tensor received = attention_of(of_image(trace.attention[maps.size()], image), query);
      map.heads = (has_token ? without_class_token(received) : received)
                      .reshape({received.dim(0), size[0], size[1]});
      maps.push_back(std::move(map));
    }
  }
  return maps;
}

}  // namespace tessera

namespace tessera::report {
namespace {

/// [heads, N, N] -> [heads, 2 wh - 1, 2 ww - 1]: any query that has a key at an offset tells.
Tensor by_offset(const Tensor& bias, std::array<std::int64_t, 2> window) {
  const std::int64_t heads = bias.dim(0), tokens = bias.dim(1);
  const std::int64_t height = 2 * window[0] - 1, width = 2 * window[1] - 1;
  Tensor map = Tensor::empty({heads, height, width});
  for (std::int64_t i = 0; i < map.numel(); ++i) {
    const std::int64_t dy = i / width % height - (window[0] - 1);
    const std::int64_t dx = i % width - (window[1] - 1);
    const std::int64_t y = std::max<std::int64_t>(0, -dy), x = std::max<std::int64_t>(0, -dx);
    const std::int64_t query = y * window[1] + x, key = (y + dy) * window[1] + x + dx;
    const std::int64_t head = i / (height * width);
    map.f32()[i] = bias.f32()[(head * tokens + query) * tokens + key];
  }
  return map;
}

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < count; ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

}  // namespace

std::vector<PositionMap> position_maps(const ModelTrace& trace) {
  std::vector<PositionMap> maps;
  for (std::size_t block = 0; block < trace.attention.size(); ++block) {
    const ops::AttentionArguments& attention = trace.attention[block];
    if (!attention.bias) continue;
    maps.push_back(
        {static_cast<std::int64_t>(block), by_offset(attention.bias, attention.config.window)});
  }
  return maps;
}

Tensor position_similarity(const Tensor& table, std::array<std::int64_t, 2> map, std::int64_t rows,
                           std::int64_t columns) {
  const std::int64_t tokens = map[0] * map[1], channels = table.dim(-1);
  const float* vectors = table.f32() + (table.dim(1) - tokens) * channels;
  Tensor cosines = Tensor::empty({rows * columns, map[0], map[1]});
  for (std::int64_t i = 0; i < cosines.numel(); ++i) {
    const std::int64_t place = i / tokens;
    const std::int64_t y = (2 * (place / columns) + 1) * map[0] / (2 * rows);
    const std::int64_t x = (2 * (place % columns) + 1) * map[1] / (2 * columns);
    const float* a = vectors + (y * map[1] + x) * channels;
    const float* b = vectors + i % tokens * channels;
    const double norms = std::sqrt(dot(a, a, channels) * dot(b, b, channels));
    cosines.f32()[i] = static_cast<float>(dot(a, b, channels) / std::max(norms, 1e-30));
  }
  return cosines;
}

}  // namespace tessera::report
