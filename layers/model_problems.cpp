#include "layers/model_problems.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "layers/heads/make_head.h"
#include "layers/patch/make_patch_layers.h"
#include "layers/position_embed.h"

namespace tessera {
namespace {

using Problems = std::vector<ConfigProblem>;

void append(Problems& problems, Problems more) {
  std::move(more.begin(), more.end(), std::back_inserter(problems));
}

/// Numbers without which nothing can be worked out.
Problems number_problems(const ModelConfig& config) {
  Problems problems;
  const auto need = [&](const char* key, std::int64_t value, std::int64_t least = 1) {
    if (value >= least) return;
    problems.push_back({{fmt::format("model.{}", key)},
                        fmt::format("{} {}: must be at least {}", key, value, least)});
  };
  const auto need_all = [&](const char* key, const auto& list) {
    need(key, list.empty() ? 0 : static_cast<std::int64_t>(*std::ranges::min_element(list)));
  };
  need_all("depths", config.depths);
  need_all("num_heads", config.num_heads);
  need_all("image_size", config.image_size);
  need_all("patch_size", config.patch_size);
  need_all("window_size", config.window_size);
  need("embed_dim", config.embed_dim);
  need("in_channels", config.in_channels);
  need("num_classes", config.num_classes);
  for (const std::int64_t side : config.patch_sizes) need("patch_sizes", side);
  if (config.channel_multiplier.empty()) need("channel_multiplier", 0);
  if (config.token_shift.empty()) need("token_shift", 0);
  return problems;
}

/// One number for all, or `count` of them.
Problems count_problems(const char* key, const std::vector<double>& list, std::size_t count,
                        const char* unit) {
  if (list.size() == 1 || list.size() == count) return {};
  return {{{fmt::format("model.{}", key), "model.depths"},
           fmt::format("{} has {} entries; give one number, or {}, one a {}", key, list.size(),
                       count, unit)}};
}

Problems list_problems(const ModelConfig& config) {
  Problems problems;
  const std::size_t stages = config.depths.size();
  if (config.num_heads.size() != stages) {
    problems.push_back({{"model.num_heads", "model.depths"},
                        fmt::format("depths [{}] has {} stages, num_heads [{}] has {}; give one of "
                                    "each a stage",
                                    fmt::join(config.depths, ", "), stages,
                                    fmt::join(config.num_heads, ", "), config.num_heads.size())});
  }
  append(problems,
         count_problems("channel_multiplier", config.channel_multiplier, stages - 1, "merging"));
  append(problems, count_problems("token_shift", config.token_shift, stages, "stage"));
  const std::size_t pretrained = config.pretrained_window_size.size();
  if (pretrained != 0 && pretrained != stages) {
    problems.push_back(
        {{"model.pretrained_window_size"},
         fmt::format("pretrained_window_size has {} entries, depths {}; give one a stage",
                     pretrained, stages),
         {"model.depths"}});
  }
  return problems;
}

/// What only some models have, and positions that exclude each other.
Problems name_problems(const ModelConfig& config) {
  Problems problems;
  const PositionConfig& position = config.position;
  const bool vit = config.name == ModelName::kViT, token = config.pool == Pooling::kToken;
  if (vit && config.depths.size() != 1) {
    problems.push_back({{"model.depths", "model.name"},
                        fmt::format("depths [{}] has {} stages, vit has one: depths: [12]",
                                    fmt::join(config.depths, ", "), config.depths.size())});
  }
  if (token && vit && (position.relative || position.continuous)) {
    problems.push_back({{"model.position", "model.pool"},
                        "the class token of pool token has no place relative to others; use "
                        "position absolute or sincos, or pool mean",
                        {"model.name"}});
  }
  if (token && *std::ranges::max_element(config.token_shift) > 0.0) {
    problems.push_back({{"model.token_shift", "model.pool"},
                        "token_shift: the class token of pool token has no neighbours; use 0, or "
                        "pool mean"});
  }
  if (position.relative && position.continuous) {
    problems.push_back(
        {{"model.position"}, "position relative and continuous are two ways to one bias; use one"});
  }
  return problems;
}

/// The nearest below and above `value` in [1, limit] that `works` holds for: `4 or 6`.
template <typename Works>
std::string nearest(std::int64_t value, std::int64_t limit, const Works& works) {
  std::vector<std::int64_t> found;
  for (std::int64_t v = std::min(value - 1, limit); v >= 1 && found.empty(); --v) {
    if (works(v)) found.push_back(v);
  }
  const std::size_t below = found.size();
  for (std::int64_t v = value + 1; v <= limit && found.size() == below; ++v) {
    if (works(v)) found.push_back(v);
  }
  return fmt::format("{}", fmt::join(found, " or "));
}

bool heads_divide(const ModelConfig& config) {
  const std::vector<std::int64_t> channels = stage_channels(config);
  for (std::size_t s = 0; s < std::min(channels.size(), config.num_heads.size()); ++s) {
    if (channels[s] < 1 || channels[s] % config.num_heads[s] != 0) return false;
  }
  return true;
}

std::string nearest_widths(const ModelConfig& config) {
  ModelConfig other = config;
  return nearest(config.embed_dim, 65536, [&](std::int64_t width) {
    other.embed_dim = width;
    return heads_divide(other);
  });
}

/// Each widening gives a whole number of channels, of which the stage's heads are a divisor.
Problems channel_problems(const ModelConfig& config) {
  if (heads_divide(config)) return {};
  const std::vector<std::int64_t> all = stage_channels(config);
  const std::string widths = nearest_widths(config);
  Problems problems;
  for (std::size_t s = 0; s < std::min(all.size(), config.num_heads.size()); ++s) {
    const std::int64_t channels = all[s], heads = config.num_heads[s];
    if (channels < 1) {
      problems.push_back(
          {{"model.channel_multiplier", "model.embed_dim"},
           fmt::format("stage {}: {} * channel_multiplier is no whole number of channels; nearest "
                       "that work: embed_dim {}",
                       s + 1, all[s - 1], widths.empty() ? "none" : widths),
           {"model.num_heads", "model.depths"}});
      break;
    }
    if (channels % heads == 0) continue;
    const double factor = static_cast<double>(channels) / static_cast<double>(config.embed_dim);
    const std::string product = s == 0 ? fmt::format("embed_dim {}", channels)
                                       : fmt::format("stage {}: embed_dim {} * {} = {}", s + 1,
                                                     config.embed_dim, factor, channels);
    problems.push_back(
        {{fmt::format("model.num_heads[{}]", s), "model.embed_dim"},
         fmt::format("{} % num_heads {} != 0; nearest that divide: num_heads {}{}", product, heads,
                     nearest(heads, channels, [&](auto h) { return channels % h == 0; }),
                     widths.empty() ? "" : fmt::format(", embed_dim {}", widths)),
         {"model.channel_multiplier", "model.depths"}});
  }
  return problems;
}

Problems mlp_problems(const ModelConfig& config) {
  if (config.mlp_ratio * static_cast<double>(config.embed_dim) >= 1.0) return {};
  return {{{"model.mlp_ratio", "model.embed_dim"},
           fmt::format("mlp_ratio {} of embed_dim {} leaves no hidden channel", config.mlp_ratio,
                       config.embed_dim)}};
}

/// The patch fits the image, and every merging still finds two tokens to merge.
Problems maps_of_patch(const ModelConfig& config) {
  const Size2 image = config.image_size, patch = config.patch_size;
  if (patch[0] > image[0] || patch[1] > image[1]) {
    return {{{"model.patch_size", "model.image_size"},
             fmt::format("patch_size {} is larger than image_size {}", by(patch), by(image))}};
  }
  Problems problems = patch_embed_problems(config);
  if (!problems.empty()) return problems;
  Size2 map = make_patch_embed(config)->plan(image).map;
  std::string plan = fmt::format("stage 1: {}", by(map));
  for (std::size_t s = 1; s < config.depths.size(); ++s) {
    if (map == Size2{1, 1}) {
      return {{{"model.depths", "model.patch_size", "model.image_size"},
               fmt::format("image_size {} at patch_size {} shrinks to one token before stage {} of "
                           "{} ({}); use at most {} stage{} or smaller patches",
                           by(image), by(patch), s + 1, config.depths.size(), plan, s,
                           s == 1 ? "" : "s")}};
    }
    map = merged(map);
    plan += fmt::format(", {}: {}", s + 1, by(map));
  }
  return {};
}

/// The same of every patch size that is drawn.
Problems map_problems(ModelConfig config) {
  Problems problems = maps_of_patch(config);
  for (const std::int64_t side : config.patch_sizes) {
    if (!problems.empty()) {
      problems.front().others.emplace_back("model.patch_sizes");
      break;
    }
    config.patch_size = {side, side};
    problems = maps_of_patch(config);
  }
  return problems;
}

/// What the type of merging asks of the channels between two stages.
Problems merging_problems(const ModelConfig& config) {
  Problems problems;
  const std::vector<std::int64_t> channels = stage_channels(config);
  for (std::size_t s = 0; s + 1 < channels.size() && channels[s + 1] > 0; ++s) {
    append(problems, patch_merging_problems(config, {channels[s], channels[s + 1]}));
  }
  return problems;
}

}  // namespace

Problems model_problems(const ModelConfig& config) {
  Problems problems = number_problems(config);
  if (!problems.empty()) return problems;
  problems = list_problems(config);
  append(problems, name_problems(config));
  append(problems, head_problems(config));
  append(problems, PositionEmbed::problems(config));
  append(problems, mlp_problems(config));
  append(problems, map_problems(config));
  const std::size_t multipliers = config.channel_multiplier.size();
  if (multipliers == 1 || multipliers + 1 == config.depths.size()) {
    append(problems, channel_problems(config));
    append(problems, merging_problems(config));
  }
  return problems;
}

void throw_first_problem(const ModelConfig& config) {
  const Problems problems = model_problems(config);
  if (!problems.empty()) fail<ConfigError>("[model] {}", problems.front().text);
}

}  // namespace tessera
