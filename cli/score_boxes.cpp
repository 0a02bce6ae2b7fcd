#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/box_scores.h"
#include "cli/score.h"
#include "tasks/detection/coco_files.h"

namespace tessera {

void score_boxes(const ScoreOptions& options) {
  using Json = nlohmann::ordered_json;
  const CocoGroundTruth truth = read_coco_ground_truth(options.truth);
  const auto detections = read_coco_detections(options.predictions, truth);
  CocoMetrics metrics(static_cast<std::int64_t>(truth.categories.size()));
  for (std::size_t i = 0; i < truth.images.size(); ++i) {
    metrics.add(truth.images[i], truth.truths[i], detections[i]);
  }
  const CocoScores scores = metrics.scores();
  const auto images = static_cast<std::int64_t>(truth.images.size());
  std::vector<BoxClass> classes;
  for (const auto& category : truth.categories) classes.push_back({category.id, category.name});
  if (options.json) {
    fmt::print(
        "{}\n",
        to_json(scores, images, classes).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    print(scores, images, classes);
  }
}

}  // namespace tessera
