#include "cli/eval_masks.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "cli/mask_scores.h"
#include "data/images/image.h"
#include "formats/json.h"
#include "tasks/segmentation/meter.h"
#include "train/evaluate.h"
#include "train/log.h"
#include "train/map_views.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

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
  const MapViews views = views_of(options);
  Loader loader(dataset, evaluation_options(saved.config.data));
  SegmentationMeter meter(saved.config.model.num_classes);
  const VisitBatch write = [&](std::span<const Tensor>, const Batch& batch) {
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      save(meter.predictions()[i],
           mask_path(options.predictions, dataset.sample_name(batch.samples[i])));
    }
    return true;
  };
  const Answer mean_of_looks = [&](Learner& learner, const Tensor& images) {
    return std::vector{predict_map(learner, images, views)};
  };
  evaluate(*saved.learner, loader, meter, options.predictions.empty() ? VisitBatch{} : write,
           views.whole() ? Answer{} : mean_of_looks);
  for (const std::string& warning : loader.take_warnings()) notice("{}", warning);
  const MaskScores scores(meter.confusion(), meter.boundary(), meter.samples());
  const std::vector<std::string> names =
      class_names_up_to(saved.config.model.num_classes, dataset.class_names());
  if (options.json) {
    Json json = to_json(scores, names);
    json["loss"] = meter.values().value("loss");
    add_checkpoint(json, saved, meter, meter.samples());
    fmt::print("{}\n", json_text(json));
    return;
  }
  print_subject(options, saved, dataset, meter.samples());
  print(scores, names);
}

}  // namespace tessera
