#include <fmt/core.h>

#include <algorithm>

#include "cli/box_scores.h"
#include "cli/score.h"
#include "formats/json.h"
#include "tasks/detection/coco_files.h"
#include "train/log.h"
#include "train/readable.h"

namespace tessera {

void score_boxes(const ScoreOptions& options) {
  const CocoGroundTruth truth = read_coco_ground_truth(options.truth);
  const CocoDetections detections = read_coco_detections(options.predictions, truth);
  if (detections.left_out > 0) {
    notice("{}: {} of categories that {} does not have count for nothing", options.predictions,
           plural(detections.left_out, "detection"), options.truth);
  }
  CocoMetrics metrics(static_cast<std::int64_t>(truth.categories.size()));
  for (std::size_t i = 0; i < truth.images.size(); ++i) {
    metrics.add(truth.images[i], truth.truths[i], detections.images[i]);
    if (std::ranges::any_of(truth.truths[i], &CocoTruth::zero_id)) {
      notice(
          "{}: an annotation has the id 0, which pycocotools takes for none: what finds it counts "
          "as wrong there and here; number annotations from 1",
          options.truth);
    }
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
