#include "train/suggestion.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/error.h"
#include "core/text.h"
#include "data/images/ram_cache.h"
#include "layers/model.h"
#include "train/config/config.h"
#include "train/memory_limits.h"
#include "train/readable.h"
#include "train/suggestion_text.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

/// Strides from half of the smallest boxes up to a quarter of the largest ones.
std::vector<std::int64_t> levels_for(const DataSurvey& survey, std::int64_t side) {
  constexpr double kSmall = 14.0;  // pixels; about one in twenty boxes is smaller
  const double longer = static_cast<double>(side);
  std::vector<std::int64_t> levels;
  if (survey.box_sides[0] * longer < kSmall) levels.push_back(4);
  for (const std::int64_t stride : {8, 16}) levels.push_back(stride);
  for (std::int64_t stride = 32; stride <= 64; stride *= 2) {
    if (survey.box_sides[2] * longer > 4.0 * static_cast<double>(stride)) levels.push_back(stride);
  }
  return levels;
}

/// Of masks and boxes, which need the shape of the images and more pixels.
std::vector<Recipe> dense_recipes(const DataSurvey& survey) {
  constexpr std::int64_t kStep = 16, kLeast = 32;  // the stride of the last stage; some tokens
  const double height = static_cast<double>(survey.heights[1]);
  const double width = static_cast<double>(survey.widths[1]);
  std::vector<Recipe> recipes;
  for (const std::int64_t wanted : {384, 256, 192, 128}) {
    const double longer = std::min(static_cast<double>(wanted), std::max(height, width));
    const auto rounded = [&](double side) {
      return std::max<std::int64_t>(kLeast, (std::llround(side) + kStep - 1) / kStep * kStep);
    };
    Recipe recipe{.side = rounded(longer),
                  .shorter = rounded(longer * std::min(height, width) / std::max(height, width)),
                  .is_wide = width > height,
                  .embed_dim = survey.kind == TargetKind::kMask ? 64 : 48,
                  .depths = {2, 2, 2},
                  .num_heads = {2, 4, 8},
                  .batch = 8};
    if (recipe.shorter == recipe.side) recipe.shorter = 0;
    if (survey.kind == TargetKind::kBoxes) recipe.levels = levels_for(survey, recipe.side);
    if (recipes.empty() || recipes.back().side != recipe.side) recipes.push_back(recipe);
  }
  return recipes;
}

/// The best first; the last is the cheapest that makes sense.
std::vector<Recipe> recipes_for(const DataSurvey& survey) {
  if (survey.kind != TargetKind::kClass) return dense_recipes(survey);
  const std::int64_t side = std::min(survey.heights[1], survey.widths[1]);
  const Recipe photos_128, photos_96{.side = 96, .window = 6},
      photos_64{.side = 64, .depths = {2, 4}, .num_heads = {3, 6}, .batch = 64};
  constexpr std::int64_t kTiny = 40, kSmall = 80, kMedium = 112;
  if (side > kMedium) return {photos_128, photos_96, photos_64};
  if (side > kSmall) return {photos_96, photos_64};
  const Recipe coarse_64{.side = 64,
                         .patch = 8,
                         .embed_dim = 64,
                         .depths = {2, 2},
                         .num_heads = {2, 4},
                         .window = 8,
                         .batch = 64};
  if (side > kTiny) return {photos_64, coarse_64};
  constexpr std::int64_t kLeast = 16, kStep = 4;
  const std::int64_t own = std::max(kLeast, side / kStep * kStep);
  const std::int64_t window = own % 7 == 0 ? 7 : 8;
  Recipe fine{.side = own,
              .patch = 2,
              .embed_dim = 48,
              .depths = {2, 4},
              .num_heads = {3, 6},
              .window = window,
              .batch = 64};
  Recipe coarse = fine;
  coarse.patch = 4;
  coarse.embed_dim = 64;
  coarse.depths = {2, 2};
  coarse.num_heads = {2, 4};
  return {fine, coarse};
}

/// Epochs that show as many images as such a model learns from, within reason. Masks and boxes
/// teach more with each.
std::int64_t epochs_for(const DataSurvey& survey, std::int64_t images) {
  constexpr std::int64_t kLeast = 10, kMost = 100;
  const double shown = survey.kind == TargetKind::kClass ? 150e3 : 20e3;
  return std::clamp<std::int64_t>(std::llround(shown / static_cast<double>(images)), kLeast, kMost);
}

/// A power of two of which an epoch has some.
std::int64_t batch_for(std::int64_t wanted, std::int64_t images) {
  constexpr std::int64_t kBatchesAnEpoch = 4;
  while (wanted > 1 && wanted * kBatchesAnEpoch > images) wanted /= 2;
  return wanted;
}

/// What a training takes here, beside loading.
struct Cost {
  double update_seconds = 0.0;
  double seconds = 0.0;
  std::int64_t bytes = 0;
};

Cost cost_of(const Config& config, std::int64_t training, std::int64_t validation,
             double update_seconds) {
  constexpr double kTestShare = 1.0 / 3.0;  // of an update's arithmetic: no way back
  const TrainingLength length = training_length(config, training);
  const double image_seconds =
      update_seconds / static_cast<double>(config.data.batch_size * config.data.accumulate);
  const auto images = static_cast<double>(length.evaluations * validation);
  return {update_seconds,
          static_cast<double>(length.total_steps) * update_seconds +
              kTestShare * images * image_seconds,
          predicted_bytes(config, Model(config.model).parameters.count())};
}

/// Fewer images a step until the plan fits into what the machine has.
void fit_memory(const DataSurvey& survey, const SuggestionOptions& options, Trial& trial) {
  while (trial.batch > 1) {
    const Config config = parse_config(body_of(survey, options, trial), options.name);
    const std::int64_t bytes = predicted_bytes(config, Model(config.model).parameters.count());
    if (memory_warning(bytes).empty()) return;
    trial.batch /= 2;
    trial.accumulate *= 2;
  }
}

/// Of each class its share, but at least one image where there are two.
std::int64_t held_out_images(const DataSurvey& survey) {
  const double share = survey.config.val_split;
  if (share == 0.0) return 0;
  if (survey.class_counts.empty()) {
    return std::llround(share * static_cast<double>(survey.training));
  }
  std::int64_t held = 0;
  for (const std::int64_t count : survey.class_counts) {
    if (count < 2) continue;
    held +=
        std::clamp<std::int64_t>(std::llround(share * static_cast<double>(count)), 1, count - 1);
  }
  return held;
}

void add_remarks(const DataSurvey& survey, const SuggestionOptions& options, Suggestion& found) {
  const auto add = [&](std::string_view line) { found.remarks.emplace_back(line); };
  if (survey.unreadable > 0) {
    add(fmt::format("not all images can be read: {}", survey.unreadable_example));
  }
  if (survey.trains_on_all) {
    add("no class has an image to spare: validation shows those of training, and says nothing of "
        "others");
  }
  if (survey.kind == TargetKind::kClass && survey.classes.size() == 1)
    add("there is one class: nothing to tell apart");
  if (is_unbalanced(survey)) {
    const auto [least, most] =
        std::minmax_element(survey.class_counts.begin(), survey.class_counts.end());
    const auto name_of = [&](auto at) {
      return quoted(survey.classes[static_cast<std::size_t>(at - survey.class_counts.begin())]);
    };
    add(fmt::format("classes are unbalanced: {} of {}, {} of {}", *least, name_of(least), *most,
                    name_of(most)));
  }
  if (!survey.config.classes.empty()) {
    add("nothing names the classes of the masks: data.classes has names by their values");
  }
  constexpr std::int64_t kFew = 2000, kPhoto = 96;
  if (survey.kind == TargetKind::kClass && survey.training < kFew &&
      found.config.model.image_size[0] >= kPhoto) {
    add("few photos are little to learn from: starting from given weights is better where they can "
        "be had (configs/flowers_finetune.yaml, docs/weights.md)");
  }
  if (found.train_seconds > 1.2 * 3600.0 * options.hours) {
    add(
        fmt::format("the cheapest training that makes sense takes {} here, longer than was asked "
                    "for",
                    duration_text(found.train_seconds)));
  }
}

}  // namespace

Suggestion suggest_config(const DataSurvey& survey, const SuggestionOptions& options,
                          const MeasureUpdate& measure) {
  const std::int64_t held = held_out_images(survey);
  const std::int64_t training = std::max<std::int64_t>(1, survey.training - held);
  const std::int64_t validation =
      survey.validation > 0 ? survey.validation : std::max(held, training / 10);
  const double budget = 3600.0 * options.hours;
  Suggestion found;
  found.training_images = training;
  std::string body;
  for (const Recipe& recipe : recipes_for(survey)) {
    constexpr std::int64_t kLargePhoto = 2'000'000, kFewEpochs = 5;
    constexpr double kSpareOfCache = 0.5;
    Trial trial{.recipe = recipe,
                .batch = batch_for(recipe.batch, training),
                .epochs = epochs_for(survey, training)};
    const double kept = 12.0 * static_cast<double>(recipe.side * recipe.side * survey.training);
    trial.keeps_images = survey.kind == TargetKind::kClass &&
                         survey.heights[1] * survey.widths[1] > kLargePhoto &&
                         kept < kSpareOfCache * static_cast<double>(ram_budget().limit);
    fit_memory(survey, options, trial);
    found.config = parse_config(body_of(survey, options, trial), options.name);
    const double update = measure(found.config);
    Cost cost = cost_of(found.config, training, validation, update);
    if (cost.seconds > budget) {
      trial.epochs = std::max<std::int64_t>(
          kFewEpochs,
          static_cast<std::int64_t>(static_cast<double>(trial.epochs) * budget / cost.seconds));
      found.config = parse_config(body_of(survey, options, trial), options.name);
      cost = cost_of(found.config, training, validation, update);
    }
    found.train_seconds = cost.seconds;
    found.bytes = cost.bytes;
    body = body_of(survey, options, trial);
    // Fewer epochs than half of those wanted: a smaller model with more of them learns more.
    if (cost.seconds <= budget && 2 * trial.epochs >= epochs_for(survey, training)) break;
  }
  found.yaml = head_of(survey, options, found) + body;
  add_remarks(survey, options, found);
  return found;
}

}  // namespace tessera
