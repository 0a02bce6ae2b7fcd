#include "train/config/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset_info.h"
#include "layers/patch_embed.h"

namespace tessera {
namespace {

/// Adds problems of values in combination.
struct Checker {
  const Config& config;
  const ReadState& state;
  Problems& problems;

  bool readable(std::initializer_list<std::string> paths) const {
    return std::all_of(paths.begin(), paths.end(),
                       [this](const std::string& path) { return state.readable(path); });
  }

  template <typename... Args>
  void report(const std::vector<std::string>& paths, fmt::format_string<Args...> format,
              Args&&... args) const {
    problems.add(state.mark_of(paths), fmt::format(format, std::forward<Args>(args)...));
  }
};

std::string by(const Size2& size) { return fmt::format("{}x{}", size[0], size[1]); }

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

/// Channels of each stage are a multiple of its heads.
void check_heads(const Checker& check) {
  if (!check.readable({"model.embed_dim", "model.num_heads"})) return;
  const ModelConfig& model = check.config.model;
  const auto divides = [&](std::int64_t embed_dim) {
    for (std::size_t s = 0; s < model.num_heads.size(); ++s) {
      if ((embed_dim << s) % model.num_heads[s] != 0) return false;
    }
    return true;
  };
  for (std::size_t s = 0; s < model.num_heads.size(); ++s) {
    const std::int64_t channels = model.embed_dim << s;
    const std::int64_t heads = model.num_heads[s];
    if (channels % heads == 0) continue;
    const std::string product = s == 0 ? fmt::format("embed_dim {}", channels)
                                       : fmt::format("stage {}: embed_dim {} * {} = {}", s + 1,
                                                     model.embed_dim, 1 << s, channels);
    const std::string dims = nearest(model.embed_dim, 65536, divides);
    check.report({fmt::format("model.num_heads[{}]", s), "model.embed_dim"},
                 "[model] {} % num_heads {} != 0; nearest that divide: num_heads {}{}", product,
                 heads, nearest(heads, channels, [&](auto h) { return channels % h == 0; }),
                 dims.empty() ? "" : fmt::format(", embed_dim {}", dims));
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

void check_model_against_data(const Checker& check, const DatasetInfo& info) {
  const ModelConfig& model = check.config.model;
  const Size2 image{info.image.height, info.image.width};
  if (check.readable({"model.image_size"}) && model.image_size != image) {
    check.report({"model.image_size"}, "[model] image_size {}, but images of {} are {}; use auto",
                 by(model.image_size), info.name, by(image));
  }
  if (check.readable({"model.in_channels"}) && model.in_channels != info.image.channels) {
    check.report({"model.in_channels"}, "[model] in_channels {}, but {} has {}; use auto",
                 model.in_channels, info.name, info.image.channels);
  }
  if (check.readable({"model.num_classes"}) && model.num_classes < info.num_classes()) {
    check.report({"model.num_classes"},
                 "[model] num_classes {} is less than the {} classes of {}; use auto",
                 model.num_classes, info.num_classes(), info.name);
  }
}

void check_normalization(const Checker& check, const DatasetInfo& info) {
  const auto check_list = [&](const char* path, const std::vector<float>& values) {
    const auto count = static_cast<std::int64_t>(values.size());
    if (!check.readable({path}) || values.empty() || count == info.image.channels) return;
    check.report({path}, "{}: {} given, but images of {} have {} channels", path, count, info.name,
                 info.image.channels);
  };
  check_list("data.normalize.mean", check.config.data.mean);
  check_list("data.normalize.std", check.config.data.std);
}

void check_schedule(const Checker& check) {
  const OptimConfig& optim = check.config.optim;
  const ScheduleConfig& schedule = optim.schedule;
  if (check.readable({"optim.lr", "optim.schedule.min_lr"}) && schedule.min_lr > optim.lr) {
    check.report({"optim.schedule.min_lr", "optim.lr"}, "[optim] min_lr {} is above lr {}",
                 schedule.min_lr, optim.lr);
  }
  if (!check.readable({"optim.schedule.name", "optim.schedule.milestones"})) return;
  if (schedule.name == ScheduleName::kStep && schedule.milestones.empty()) {
    check.report({"optim.schedule.name"}, "[optim] schedule step needs milestones: [epoch, ...]");
  }
  const auto fall = std::adjacent_find(schedule.milestones.begin(), schedule.milestones.end(),
                                       std::greater_equal<>());
  if (fall != schedule.milestones.end()) {
    check.report({"optim.schedule.milestones"}, "[optim] milestones [{}] do not rise",
                 fmt::join(schedule.milestones, ", "));
  }
}

}  // namespace

void resolve_auto(Config& config) {
  ModelConfig& model = config.model;
  const ModelConfig unset;
  ImageShape image{unset.image_size[0], unset.image_size[1], unset.in_channels};
  std::int64_t classes = unset.num_classes;
  if (config.has_data) {
    const DatasetInfo info = dataset_info(config.data.name);
    image = info.image;
    classes = info.num_classes();
  }
  if (model.image_size == Size2{}) model.image_size = {image.height, image.width};
  if (model.in_channels == 0) model.in_channels = image.channels;
  if (model.num_classes == 0) model.num_classes = classes;
  resolve_position(model);
}

void check_config(const Config& config, const ReadState& state, Problems& problems) {
  const Checker check{config, state, problems};
  check_stage_count(check);
  check_heads(check);
  check_model(check);
  check_mlp(check);
  check_maps(check);
  check_schedule(check);
  if (config.has_data && state.readable("data.name")) {
    const DatasetInfo info = dataset_info(config.data.name);
    check_model_against_data(check, info);
    check_normalization(check, info);
  }
}

}  // namespace tessera
