#include "cli/eval_report.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/error.h"
#include "core/text.h"
#include "data/hold_out.h"
#include "formats/json.h"
#include "layers/mask_token.h"
#include "tasks/simmim/simmim.h"
#include "train/evaluate.h"
#include "train/log.h"
#include "train/open_split.h"
#include "train/readable.h"

namespace tessera {

Json to_json(const ClassificationMeter& metrics, const Dataset& dataset, bool confusion) {
  const auto names = class_names_up_to(metrics.num_classes(), dataset.class_names());
  Json classes = Json::array();
  for (std::int64_t k = 0; k < metrics.num_classes(); ++k) {
    const ClassScore score = metrics.class_score(k);
    classes.push_back({{"class", names[static_cast<std::size_t>(k)]},
                       {"samples", score.samples},
                       {"recall", score.recall},
                       {"precision", score.precision},
                       {"f1", score.f1}});
  }
  Json json = {{"top1", metrics.top1()},
               {"top5", metrics.top5()},
               {"balanced_accuracy", metrics.balanced_accuracy()},
               {"macro_f1", metrics.macro_f1()},
               {"loss", metrics.loss()},
               {"calibration_error", metrics.calibration_error()},
               {"samples", metrics.samples()},
               {"classes", classes}};
  if (confusion) json["confusion"] = metrics.confusion();
  return json;
}

void add_checkpoint(Json& json, const SavedModel& saved, const Meter& meter, std::int64_t samples) {
  const auto weights = saved.meta.checksums.find("model.safetensors");
  Json metrics = Json::object();
  for (const Metric& metric : meter.values()) metrics[metric.name] = metric.value;
  json["checkpoint"] = {{"step", saved.meta.step},
                        {"samples", samples},
                        {"weights", weights == saved.meta.checksums.end() ? "" : weights->second},
                        {"metrics", metrics}};
}

void check_options(const EvalOptions& options, std::optional<TargetKind> kind) {
  struct Rule {
    bool given;
    const char* name;
    bool classes, masks, boxes;  ///< what it is for
  };
  const auto wants = [&](const char* view) {
    return std::ranges::find(options.views, view) != options.views.end();
  };
  const Rule rules[] = {{!options.patch_sizes.empty(), "--patch-size", true, false, false},
                        {!options.curve.empty(), "--curve", true, false, false},
                        {options.shift > 0, "--shift", true, false, false},
                        {wants("crops"), "--tta crops", true, false, false},
                        {wants("flip"), "--tta flip", true, true, false},
                        {!options.scales.empty(), "--scales", false, true, false},
                        {options.window > 0, "--window", false, true, false},
                        {options.stride > 0, "--stride", false, true, false},
                        {options.right, "--right", true, false, false},
                        {!options.predictions.empty(), "--predictions", true, true, true}};
  for (const Rule& rule : rules) {
    const bool fits = !kind                        ? false
                      : kind == TargetKind::kClass ? rule.classes
                      : kind == TargetKind::kMask  ? rule.masks
                                                   : rule.boxes;
    if (!rule.given || fits) continue;
    fail<ConfigError>("{}: is not for models that {}", rule.name,
                      !kind                        ? "fill images in"
                      : kind == TargetKind::kClass ? "answer with a class an image"
                      : kind == TargetKind::kMask  ? "give each pixel a class"
                                                   : "find boxes");
  }
}

void print_subject(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset,
                   std::int64_t samples) {
  fmt::print("{} (step {}) on the {} {} images of {}\n", shown(saved.path.parent_path().string()),
             saved.meta.step, samples, options.split, dataset.name());
  if (options.split != "train" && !validation_notice(saved.config).empty()) {
    fmt::print("the best checkpoint was chosen on these images{}\n",
               holds_out(saved.config.data) ? "" : ": the run held none out");
  }
}

TestViews views_of(const EvalOptions& options, const Config& config) {
  const auto wants = [&](const char* name) {
    return std::find(options.views.begin(), options.views.end(), name) != options.views.end();
  };
  TestViews views{.flip = wants("flip")};
  if (!wants("crops")) {
    if (options.shift > 0) fail<ConfigError>("--shift {}: is for --tta crops", options.shift);
    return views;
  }
  const Size2& image = config.model.image_size;
  const std::int64_t side = std::min(image[0], image[1]);
  const std::int64_t padding = config.data.augment.crop_padding;
  views.shift = options.shift;
  if (views.shift == 0) views.shift = padding > 0 ? padding : std::max<std::int64_t>(1, side / 8);
  if (views.shift >= side) {
    fail<ConfigError>(
        "--tta crops: a shift by {} pixels leaves nothing of images of {}x{}; give a "
        "smaller --shift",
        views.shift, image[0], image[1]);
  }
  const Normalization normalization = normalization_of(config.data);
  for (std::size_t c = 0; c < normalization.mean.size(); ++c) {
    views.fill.push_back(-normalization.mean[c] / normalization.std[c]);
  }
  return views;
}

ClassificationMeter test(const SavedModel& saved, const Dataset& dataset, const TestViews& views,
                         const VisitBatch& visit) {
  Loader loader(dataset, evaluation_options(saved.config.data));
  ClassificationMeter metrics(saved.config.model.num_classes);
  const Answer mean_of_views = [&](Learner& learner, const Tensor& images) {
    return std::vector{predict_views(learner, images, views)};
  };
  evaluate(*saved.learner, loader, metrics, visit, mean_of_views);
  for (const std::string& warning : loader.take_warnings()) notice("{}", warning);
  return metrics;
}

void eval_filling(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset) {
  Loader loader(dataset, evaluation_options(saved.config.data));
  FillingMeter meter(mask_side(saved.config.model));
  evaluate(*saved.learner, loader, meter);
  for (const std::string& warning : loader.take_warnings()) notice("{}", warning);
  if (options.json) {
    Json json = {{"samples", meter.samples()}};
    for (const Metric& metric : meter.values()) json[metric.name] = metric.value;
    add_checkpoint(json, saved, meter, meter.samples());
    fmt::print("{}\n", json_text(json));
    return;
  }
  print_subject(options, saved, dataset, meter.samples());
  fmt::print(
      "loss {:.4f}, the mean distance of hidden values   explained {:.2f} % of their variance\n",
      meter.values().value("loss"), 100.0 * meter.values().value("explained"));
}

}  // namespace tessera
