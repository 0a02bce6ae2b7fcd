#include "train/suggestion_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/machine.h"
#include "train/readable.h"

namespace tessera {
namespace {

/// Text whose comments stand below each other.
class Lines {
 public:
  void add(const std::string& text, const std::string& comment = "") {
    if (comment.empty()) {
      text_ += text + '\n';
    } else {
      text_ += fmt::format("{:<36} # {}\n", text, comment);
    }
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string yaml_text(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '\'' ? std::string("''") : std::string(1, c);
  return '\'' + escaped + '\'';
}

std::string list_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + yaml_text(word);
  return '[' + text + ']';
}

void add_task(const DataSurvey& survey, Lines& lines) {
  if (survey.kind == TargetKind::kClass) return;
  lines.add("task:");
  lines.add(survey.kind == TargetKind::kMask ? "  name: segmentation" : "  name: detection");
  if (survey.kind == TargetKind::kMask && has_rare_pixels(survey)) {
    lines.add("  class_weights: balanced", "pixels of rare classes count more");
  }
}

void add_head(const DataSurvey& survey, const Recipe& recipe, Lines& lines) {
  if (survey.kind == TargetKind::kMask) {
    lines.add("  window_policy: keep");
    lines.add("  head: {type: upernet, channels: 64, norm: group, auxiliary: none}");
    return;
  }
  constexpr std::int64_t kUsual = 100;
  const std::int64_t keep = std::max(kUsual, 2 * survey.most_boxes);
  lines.add("  head:");
  lines.add("    type: fcos");
  lines.add("    channels: 64");
  lines.add("    convs: 2");
  lines.add("    groups: 16");
  lines.add(fmt::format("    levels: [{}]", fmt::join(recipe.levels, ", ")),
            "strides of the maps that find boxes: small ones need small strides");
  if (keep > kUsual) {
    lines.add(fmt::format("    keep: {}", keep),
              fmt::format("boxes of an image: some show {}", survey.most_boxes));
  }
}

void add_model(const DataSurvey& survey, const Recipe& recipe, Lines& lines) {
  const bool is_dense = survey.kind != TargetKind::kClass;
  const std::int64_t height = recipe.is_wide && recipe.shorter > 0 ? recipe.shorter : recipe.side;
  const std::int64_t width = !recipe.is_wide && recipe.shorter > 0 ? recipe.shorter : recipe.side;
  lines.add("model:");
  lines.add(recipe.shorter > 0 ? fmt::format("  image_size: [{}, {}]", height, width)
                               : fmt::format("  image_size: {}", recipe.side),
            fmt::format("images are about {} x {}; larger sees more, and takes longer",
                        survey.widths[1], survey.heights[1]));
  if (survey.is_grey) lines.add("  in_channels: 1", "the images are grey");
  lines.add(fmt::format("  patch_size: {}", recipe.patch),
            fmt::format("pixels of a token: {} x {} tokens, halved from stage to stage",
                        height / recipe.patch, width / recipe.patch));
  if (is_dense) {
    lines.add("  patch_embed: {type: conv_stem}", "convolutions: few images do not teach them");
    lines.add("  patch_merging: {type: conv}");
  }
  lines.add(fmt::format("  embed_dim: {}", recipe.embed_dim),
            "channels of the first stage; each further one has twice as many");
  lines.add(fmt::format("  depths: [{}]", fmt::join(recipe.depths, ", ")), "blocks of each stage");
  lines.add(fmt::format("  num_heads: [{}]", fmt::join(recipe.num_heads, ", ")));
  lines.add(fmt::format("  window_size: {}", recipe.window));
  if (!is_dense) {
    lines.add("  drop_path: 0.1");
    return;
  }
  lines.add("  mlp_ratio: 2.0");
  lines.add("  drop_path: 0.05");
  lines.add("  init_std: 0.05");
  add_head(survey, recipe, lines);
}

void add_splits(const DataSurvey& survey, const SuggestionOptions& options, Lines& lines) {
  const DataConfig& data = survey.config;
  if (survey.trains_on_all) {
    lines.add("  train_list: " + yaml_text(options.list));
    lines.add("  val_list: " + yaml_text(options.list), "the same images: there are none to spare");
    return;
  }
  if (!data.train_list.empty()) lines.add("  train_list: " + yaml_text(data.train_list));
  if (!data.val_list.empty()) lines.add("  val_list: " + yaml_text(data.val_list));
  if (!data.test_list.empty()) lines.add("  test_list: " + yaml_text(data.test_list));
  if (data.val_split > 0.0) {
    lines.add(fmt::format("  val_split: {}", data.val_split),
              survey.kind == TargetKind::kClass ? "share of each class that is held out to validate"
                                                : "share that is held out to validate");
  }
}

void add_dense_augment(const DataSurvey& survey, const Recipe& recipe, Lines& lines) {
  const std::int64_t shorter = recipe.shorter > 0 ? recipe.shorter : recipe.side;
  const auto part = [&](std::int64_t side) {
    return survey.kind == TargetKind::kMask ? side * 3 / 4 : side;
  };
  lines.add("  augment:");
  lines.add("    scale: [0.75, 1.5]");
  lines.add(fmt::format("    crop: [{}, {}]", part(recipe.is_wide ? shorter : recipe.side),
                        part(recipe.is_wide ? recipe.side : shorter)),
            "of the scaled image, at a random place");
  lines.add("    flip: true", "mirrored left to right");
  lines.add("    photometric: true", "brightness, contrast and colours change");
}

void add_augment(const DataSurvey& survey, const Recipe& recipe, Lines& lines) {
  constexpr std::int64_t kTiny = 40;
  if (survey.kind != TargetKind::kClass) return add_dense_augment(survey, recipe, lines);
  lines.add("  augment:");
  if (recipe.side <= kTiny) {
    lines.add(fmt::format("    crop_padding: {}", std::max<std::int64_t>(2, recipe.side / 8)),
              "moved by up to so many pixels");
  } else {
    lines.add("    crop_area: [0.25, 1.0]", "a random part, scaled to the size of the model");
  }
  const bool flips = !(survey.is_grey && recipe.side <= kTiny);
  lines.add(fmt::format("    flip: {}", flips),
            "mirrored left to right: false for text, digits, left and right hands");
  if (!survey.is_grey) lines.add("    color_jitter: 0.3");
}

/// What is used unless it is given suits photos; of other images it is far off.
void add_normalization(const DataSurvey& survey, Lines& lines) {
  constexpr float kFar = 0.25f, kLeast = 0.02f, kLow = 0.12f, kHigh = 0.4f;
  const auto is_usual = [&](std::size_t c) {
    return std::abs(survey.measured.mean[c] - 0.45f) < kFar && survey.measured.std[c] > kLow &&
           survey.measured.std[c] < kHigh;
  };
  bool usual = true;
  for (std::size_t c = 0; c < survey.measured.mean.size(); ++c) usual = usual && is_usual(c);
  if (usual) return;
  std::vector<float> deviations = survey.measured.std;
  for (float& deviation : deviations) deviation = std::max(deviation, kLeast);
  lines.add(fmt::format("  normalize: {{mean: [{:.3f}], std: [{:.3f}]}}",
                        fmt::join(survey.measured.mean, ", "), fmt::join(deviations, ", ")),
            "of the images looked at");
}

void add_data(const DataSurvey& survey, const SuggestionOptions& options, const Trial& trial,
              Lines& lines) {
  lines.add("data:");
  lines.add("  name: " + dataset_info(survey.config.name).name);
  lines.add("  root: " + yaml_text(survey.config.root));
  const DataConfig& config = survey.config;
  if (!config.colors.empty()) {
    lines.add("  colors: " + list_text(config.colors), "of the classes in their order");
  }
  if (!config.classes.empty()) {
    lines.add("  classes: " + list_text(config.classes), "better names may stand here");
  }
  add_splits(survey, options, lines);
  if (survey.unreadable > 0) {
    lines.add("  on_error: skip", "some cannot be read: tessera data check names them");
  }
  if (is_unbalanced(survey)) {
    lines.add("  sampler: repeat",
              "rare classes are shown more often; balanced: as often as others");
  }
  lines.add(fmt::format("  batch_size: {}", trial.batch), "images a step");
  if (trial.accumulate > 1) {
    lines.add(fmt::format("  accumulate: {}", trial.accumulate),
              "steps of an update: fewer images at once take less memory");
  }
  if (trial.keeps_images) {
    lines.add("  cache: ram", "photos are large: each is decoded once, and kept scaled down");
  }
  add_normalization(survey, lines);
  add_augment(survey, trial.recipe, lines);
}

/// Muon learns masks and boxes from scratch in fewer epochs than AdamW (docs/results.md).
void add_dense_training(const DataSurvey& survey, const Trial& trial, Lines& lines) {
  constexpr std::int64_t kEvaluations = 20;
  const bool is_mask = survey.kind == TargetKind::kMask;
  lines.add("optim:");
  lines.add("  name: muon");
  lines.add("  momentum: 0.95");
  lines.add("  nesterov: true");
  lines.add(is_mask ? "  lr: 2.0e-3" : "  lr: 1.0e-3");
  lines.add("  weight_decay: 0.05");
  lines.add(is_mask ? "  clip_norm: 5.0" : "  clip_norm: 10.0");
  lines.add(fmt::format("  schedule: {{name: cosine, warmup_epochs: {}, min_lr: 1.0e-5}}",
                        std::max<std::int64_t>(1, trial.epochs / 20)));
  lines.add("train:");
  lines.add(fmt::format("  epochs: {}", trial.epochs));
  const std::int64_t every = (trial.epochs + kEvaluations - 1) / kEvaluations;
  if (every > 1) lines.add(fmt::format("  eval_every: {}", every), "epochs");
  lines.add("  precision: auto", "bf16 where the CPU has instructions for it");
  if (!is_mask) lines.add("  best_by: ap50", "an overlap of half is enough");
}

void add_training(const DataSurvey& survey, const Trial& trial, Lines& lines) {
  if (survey.kind != TargetKind::kClass) return add_dense_training(survey, trial, lines);
  constexpr double kRate = 1.0e-3, kRateBatch = 32.0;
  const auto images = static_cast<double>(trial.batch * trial.accumulate);
  const double lr = std::clamp(kRate * std::sqrt(images / kRateBatch), 2.0e-4, 2.0e-3);
  lines.add("optim:");
  lines.add("  name: adamw");
  lines.add(fmt::format("  lr: {:.1e}", lr), "tessera lr-find suggests one by a short test");
  lines.add("  weight_decay: 0.05");
  lines.add("  clip_norm: 5.0");
  lines.add(fmt::format("  schedule: {{name: cosine, warmup_epochs: {}, min_lr: 1.0e-5}}",
                        std::max<std::int64_t>(1, trial.epochs / 12)));
  lines.add("train:");
  lines.add(fmt::format("  epochs: {}", trial.epochs));
  lines.add("  precision: auto", "bf16 where the CPU has instructions for it");
  lines.add("  label_smoothing: 0.1");
  if (is_unbalanced(survey)) {
    lines.add("  best_by: balanced_accuracy", "rare classes count as much as others");
  }
}

}  // namespace

std::string memory_text(std::int64_t bytes) {
  constexpr double kGigabyte = 1073741824.0, kTen = 10.0 * 1048576.0;
  const auto value = static_cast<double>(bytes);
  if (value >= 0.1 * kGigabyte) return fmt::format("{:.1f} GB", value / kGigabyte);
  return fmt::format("{:.0f} MB", std::ceil(value / kTen) * 10.0);
}

bool is_unbalanced(const DataSurvey& survey) {
  constexpr std::int64_t kTimes = 4;
  if (survey.class_counts.empty()) return false;
  const auto [least, most] =
      std::minmax_element(survey.class_counts.begin(), survey.class_counts.end());
  return *most > kTimes * *least;
}

bool has_rare_pixels(const DataSurvey& survey) {
  constexpr std::int64_t kTimes = 10;
  if (survey.pixels.empty()) return false;
  const auto [least, most] = std::minmax_element(survey.pixels.begin(), survey.pixels.end());
  return *most > kTimes * *least;
}

std::string body_of(const DataSurvey& survey, const SuggestionOptions& options,
                    const Trial& trial) {
  Lines lines;
  add_task(survey, lines);
  add_model(survey, trial.recipe, lines);
  add_data(survey, options, trial, lines);
  add_training(survey, trial, lines);
  return lines.text();
}

std::string head_of(const DataSurvey& survey, const SuggestionOptions& options,
                    const Suggestion& found) {
  std::string text = fmt::format(
      "# {}: {} of {}, learned from scratch.\n"
      "# Written by tessera init for {}: about {} of training and {} of memory.\n"
      "#\n"
      "#   tessera data check {}.yaml     what is broken, misplaced, or there twice\n"
      "#   tessera train {}.yaml\n"
      "#\n"
      "# Every key: tessera config\n",
      options.name, plural(survey.training, "image"),
      plural(static_cast<std::int64_t>(survey.classes.size()), "class", "classes"),
      plural(available_cpus(), "CPU"), duration_text(found.train_seconds), memory_text(found.bytes),
      options.name, options.name);
  return text;
}

}  // namespace tessera
