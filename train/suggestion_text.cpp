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
      text_ += fmt::format("{:<37}# {}\n", text, comment);
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

void add_model(const DataSurvey& survey, const Recipe& recipe, Lines& lines) {
  const std::int64_t tokens = recipe.side / recipe.patch;
  lines.add("model:");
  lines.add(fmt::format("  image_size: {}", recipe.side),
            fmt::format("images are about {} x {}; larger sees more, and takes longer",
                        survey.widths[1], survey.heights[1]));
  if (survey.is_grey) lines.add("  in_channels: 1", "the images are grey");
  lines.add(
      fmt::format("  patch_size: {}", recipe.patch),
      fmt::format("pixels of a token: {} x {} tokens, halved from stage to stage", tokens, tokens));
  lines.add(fmt::format("  embed_dim: {}", recipe.embed_dim),
            "channels of the first stage; each further one has twice as many");
  lines.add(fmt::format("  depths: [{}]", fmt::join(recipe.depths, ", ")), "blocks of each stage");
  lines.add(fmt::format("  num_heads: [{}]", fmt::join(recipe.num_heads, ", ")));
  lines.add(fmt::format("  window_size: {}", recipe.window));
  lines.add("  drop_path: 0.1");
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

void add_augment(const DataSurvey& survey, const Recipe& recipe, Lines& lines) {
  constexpr std::int64_t kTiny = 40;
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

void add_data(const DataSurvey& survey, const SuggestionOptions& options, const Trial& trial,
              Lines& lines) {
  lines.add("data:");
  lines.add("  name: " + dataset_info(survey.config.name).name);
  lines.add("  root: " + yaml_text(survey.config.root));
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
  add_augment(survey, trial.recipe, lines);
}

void add_training(const DataSurvey& survey, const Trial& trial, Lines& lines) {
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

bool is_unbalanced(const DataSurvey& survey) {
  constexpr std::int64_t kTimes = 4;
  if (survey.class_counts.empty()) return false;
  const auto [least, most] =
      std::minmax_element(survey.class_counts.begin(), survey.class_counts.end());
  return *most > kTimes * *least;
}

std::string body_of(const DataSurvey& survey, const SuggestionOptions& options,
                    const Trial& trial) {
  Lines lines;
  add_model(survey, trial.recipe, lines);
  add_data(survey, options, trial, lines);
  add_training(survey, trial, lines);
  return lines.text();
}

std::string head_of(const DataSurvey& survey, const SuggestionOptions& options,
                    const Suggestion& found) {
  std::string text = fmt::format(
      "# {}: {} of {}, learned from scratch.\n"
      "# Written by tessera init for {}: about {} of training and {:.1f} GB of memory.\n"
      "#\n"
      "#   tessera data check {}.yaml     what is broken, misplaced, or there twice\n"
      "#   tessera train {}.yaml\n"
      "#\n"
      "# Every key: tessera config\n",
      options.name, plural(survey.training, "image"),
      plural(static_cast<std::int64_t>(survey.classes.size()), "class", "classes"),
      plural(available_cpus(), "CPU"), duration_text(found.train_seconds),
      static_cast<double>(found.bytes) / 1073741824.0, options.name, options.name);
  return text;
}

}  // namespace tessera
