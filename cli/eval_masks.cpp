#include "cli/eval_masks.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "cli/mask_scores.h"
#include "core/error.h"
#include "data/images/image.h"
#include "formats/json.h"
#include "tasks/segmentation/meter.h"
#include "train/evaluate.h"
#include "train/log.h"
#include "train/open_split.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

void check(const EvalOptions& options) {
  const auto refuse = [](bool given, const char* option) {
    if (given) fail<ConfigError>("{}: is for models that answer with a class an image", option);
  };
  refuse(!options.patch_sizes.empty(), "--patch-size");
  refuse(!options.curve.empty(), "--curve");
  refuse(options.shift > 0, "--shift");
  refuse(std::ranges::count(options.views, "crops") > 0, "--tta crops");
}

MapViews views_of(const EvalOptions& options) {
  MapViews views{.flip = std::ranges::count(options.views, "flip") > 0,
                 .window = options.window,
                 .stride = options.stride};
  if (!options.scales.empty()) views.scales = options.scales;
  return views;
}

/// `a/b.jpg` in `folder`: `folder/a/b.png`.
fs::path mask_path(const fs::path& folder, const std::string& name) {
  return (folder / fs::path(name).relative_path()).replace_extension(".png");
}

void save(const Mask& mask, const fs::path& path) {
  fs::create_directories(path.parent_path());
  write_png(path, Image{{mask.height, mask.width, 1}, mask.classes});
}

}  // namespace

void eval_masks(const EvalOptions& options, const SavedModel& saved, const Dataset& dataset) {
  check(options);
  const MapViews views = views_of(options);
  Loader loader(dataset, evaluation_options(saved.config.data));
  SegmentationMeter meter(saved.config.model.num_classes);
  const VisitBatch write = [&](std::span<const Tensor> outputs, const Batch& batch) {
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const std::int64_t sample = batch.samples[static_cast<std::size_t>(i)];
      save(predicted_mask(outputs.front(), batch, i),
           mask_path(options.predictions, dataset.sample_name(sample)));
    }
    return true;
  };
  evaluate(*saved.learner, loader, meter, options.predictions.empty() ? VisitBatch{} : write, {},
           views);
  for (const std::string& warning : loader.take_warnings()) notice("{}", warning);
  const MaskScores scores(meter.confusion(), meter.boundary(), meter.samples());
  const std::vector<std::string> names =
      class_names_up_to(saved.config.model.num_classes, dataset.class_names());
  if (options.json) {
    Json json = to_json(scores, names);
    json["loss"] = meter.values().value("loss");
    fmt::print("{}\n", json_text(json));
    return;
  }
  fmt::print("{} (step {}) on the {} {} images of {}\n", saved.path.parent_path().string(),
             saved.meta.step, meter.samples(), options.split, dataset.name());
  if (options.split != "train" && !validation_notice(saved.config).empty()) {
    fmt::print("the best checkpoint was chosen on these images: the run held none out\n");
  }
  print(scores, names);
}

}  // namespace tessera
