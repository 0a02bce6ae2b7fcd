#include "train/config/model_checks.h"

#include "layers/stage_plan.h"

namespace tessera {
namespace {

/// The nearest below and above `value` in [1, limit] that `works` holds for: `4 or 6`.
template <typename Works>
std::string nearest(std::int64_t value, std::int64_t limit, const Works& works) {
  std::vector<std::int64_t> found;
  for (std::int64_t v = std::min(value - 1, limit); v >= 1; --v) {
    if (works(v)) {
      found.push_back(v);
      break;
    }
  }
  for (std::int64_t v = value + 1; v <= limit; ++v) {
    if (works(v)) {
      found.push_back(v);
      break;
    }
  }
  return fmt::format("{}", fmt::join(found, " or "));
}

/// One number for all, or `count` of them.
bool check_count(const Checker& check, const char* name, const std::vector<double>& list,
                 std::size_t count, const char* unit) {
  const std::string path = fmt::format("model.{}", name);
  if (!check.readable({path, "model.depths"})) return false;
  if (list.size() == 1 || list.size() == count) return true;
  check.report({path, "model.depths"},
               "[model] {} has {} entries; give one number, or {}, one a {}", name, list.size(),
               count, unit);
  return false;
}

/// Each widening gives a whole number of channels, of which the stage's heads are a divisor.
void check_channels(const Checker& check) {
  const ModelConfig& model = check.config.model;
  if (!check.readable({"model.embed_dim", "model.num_heads"})) return;
  if (!check_count(check, "channel_multiplier", model.channel_multiplier, model.depths.size() - 1,
                   "merging")) {
    return;
  }
  const auto channels_at = [&](std::int64_t embed_dim) {
    ModelConfig other = model;
    other.embed_dim = embed_dim;
    return stage_channels(other);
  };
  const auto divides = [&](std::int64_t embed_dim) {
    const std::vector<std::int64_t> channels = channels_at(embed_dim);
    for (std::size_t s = 0; s < std::min(channels.size(), model.num_heads.size()); ++s) {
      if (channels[s] < 1 || channels[s] % model.num_heads[s] != 0) return false;
    }
    return true;
  };
  const std::vector<std::int64_t> all = channels_at(model.embed_dim);
  for (std::size_t s = 0; s < std::min(all.size(), model.num_heads.size()); ++s) {
    const std::int64_t channels = all[s];
    const std::int64_t heads = model.num_heads[s];
    const std::string dims = nearest(model.embed_dim, 65536, divides);
    if (channels < 1) {
      check.report({"model.channel_multiplier", "model.embed_dim"},
                   "[model] stage {}: {} * channel_multiplier is no whole number of channels; "
                   "nearest that work: embed_dim {}",
                   s + 1, all[s - 1], dims.empty() ? "none" : dims);
      return;
    }
    if (channels % heads == 0) continue;
    const double factor = static_cast<double>(channels) / static_cast<double>(model.embed_dim);
    const std::string product = s == 0 ? fmt::format("embed_dim {}", channels)
                                       : fmt::format("stage {}: embed_dim {} * {} = {}", s + 1,
                                                     model.embed_dim, factor, channels);
    check.report({fmt::format("model.num_heads[{}]", s), "model.embed_dim"},
                 "[model] {} % num_heads {} != 0; nearest that divide: num_heads {}{}", product,
                 heads, nearest(heads, channels, [&](auto h) { return channels % h == 0; }),
                 dims.empty() ? "" : fmt::format(", embed_dim {}", dims));
  }
}

void check_token_shift(const Checker& check) {
  const ModelConfig& model = check.config.model;
  if (!check_count(check, "token_shift", model.token_shift, model.depths.size(), "stage")) return;
  const bool shifts = *std::max_element(model.token_shift.begin(), model.token_shift.end()) > 0.0;
  if (shifts && model.pool == Pooling::kToken) {
    check.report({"model.token_shift", "model.pool"},
                 "[model] token_shift: the class token of pool token has no neighbours; use 0, or "
                 "pool mean");
  }
}

void check_stage_count(const Checker& check) {
  const ModelConfig& model = check.config.model;
  if (!check.readable({"model.depths", "model.num_heads"})) return;
  if (model.depths.size() == model.num_heads.size()) return;
  check.report({"model.num_heads", "model.depths"},
               "[model] depths [{}] has {} stages, num_heads [{}] has {}; give one of each a stage",
               fmt::join(model.depths, ", "), model.depths.size(), fmt::join(model.num_heads, ", "),
               model.num_heads.size());
}

/// Keys that only some models have, and positions that exclude each other.
void check_model(const Checker& check) {
  if (!check.readable({"model.name", "model.depths", "model.position", "model.pool",
                       "model.pretrained_window_size", "model.embed_dim"})) {
    return;
  }
  const ModelConfig& model = check.config.model;
  const PositionConfig& position = model.position;
  const bool token = model.pool == Pooling::kToken;
  if (model.name == ModelName::kViT && model.depths.size() != 1) {
    check.report({"model.depths", "model.name"},
                 "[model] depths [{}] has {} stages, vit has one: depths: [12]",
                 fmt::join(model.depths, ", "), model.depths.size());
  }
  if (token && model.name != ModelName::kViT) {
    check.report({"model.pool"}, "[model] pool token needs the class token of vit; use mean");
  }
  if (token && model.name == ModelName::kViT && (position.relative || position.continuous)) {
    check.report({"model.position", "model.pool"},
                 "[model] the class token of pool token has no place relative to others; use "
                 "position absolute or sincos, or pool mean");
  }
  if (position.relative && position.continuous) {
    check.report({"model.position"},
                 "[model] position relative and continuous are two ways to one bias; use one");
  }
  if (position.absolute && position.sincos) {
    check.report({"model.position"},
                 "[model] position absolute and sincos are two ways to one table; use one");
  }
  if (position.sincos && model.embed_dim % 4 != 0) {
    check.report({"model.embed_dim", "model.position"},
                 "[model] position sincos needs embed_dim % 4 == 0, got {}", model.embed_dim);
  }
  const std::size_t pretrained = model.pretrained_window_size.size();
  if (pretrained != 0 && pretrained != model.depths.size()) {
    check.report({"model.pretrained_window_size"},
                 "[model] pretrained_window_size has {} entries, depths {}; give one a stage",
                 pretrained, model.depths.size());
  }
}

void check_mlp(const Checker& check) {
  const ModelConfig& model = check.config.model;
  if (!check.readable({"model.embed_dim", "model.mlp_ratio"})) return;
  if (model.mlp_ratio * static_cast<double>(model.embed_dim) >= 1.0) return;
  check.report({"model.mlp_ratio", "model.embed_dim"},
               "[model] mlp_ratio {} of embed_dim {} leaves no hidden channel", model.mlp_ratio,
               model.embed_dim);
}

/// The patch fits the image, and every merging still finds two tokens to merge.
void check_maps(const Checker& check) {
  const ModelConfig& model = check.config.model;
  if (!check.readable({"model.image_size", "model.patch_size"})) return;
  const Size2 image = model.image_size;
  const Size2 patch = model.patch_size;
  if (patch[0] > image[0] || patch[1] > image[1]) {
    check.report({"model.patch_size", "model.image_size"},
                 "[model] patch_size {} is larger than image_size {}", by(patch), by(image));
    return;
  }
  const std::vector<ConfigProblem> embedding = patch_embed_problems(model);
  for (const ConfigProblem& problem : embedding) {
    check.report(problem.keys, "[model] {}", problem.text);
  }
  if (!embedding.empty() || !check.readable({"model.depths"})) return;
  Size2 map = make_patch_embed(model)->plan().map;
  std::string plan = fmt::format("stage 1: {}", by(map));
  for (std::size_t s = 1; s < model.depths.size(); ++s) {
    if (map[0] == 1 && map[1] == 1) {
      check.report({"model.depths", "model.patch_size", "model.image_size"},
                   "[model] image_size {} at patch_size {} shrinks to one token before stage {} of "
                   "{} ({}); use at most {} stage{} or smaller patches",
                   by(image), by(patch), s + 1, model.depths.size(), plan, s, s == 1 ? "" : "s");
      return;
    }
    map = {(map[0] + 1) / 2, (map[1] + 1) / 2};
    plan += fmt::format(", {}: {}", s + 1, by(map));
  }
}

/// What the type of merging asks of the channels between two stages.
void check_merging(const Checker& check) {
  const ModelConfig& model = check.config.model;
  const std::size_t multipliers = model.channel_multiplier.size();
  if (!check.readable({"model.embed_dim", "model.depths", "model.channel_multiplier"})) return;
  if (multipliers != 1 && multipliers + 1 != model.depths.size()) return;
  const std::vector<std::int64_t> channels = stage_channels(model);
  for (std::size_t s = 0; s + 1 < channels.size() && channels[s + 1] > 0; ++s) {
    for (const ConfigProblem& problem :
         patch_merging_problems(model, {{}, channels[s], channels[s + 1]})) {
      check.report(problem.keys, "[model] {}", problem.text);
    }
  }
}

}  // namespace

void check_model_config(const Checker& check) {
  check_stage_count(check);
  check_channels(check);
  check_token_shift(check);
  check_model(check);
  check_mlp(check);
  check_maps(check);
  check_merging(check);
}

}  // namespace tessera
