#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "cli/score.h"
#include "study/text_table.h"
#include "tasks/detection/coco_files.h"
#include "tasks/detection/coco_metrics.h"
#include "train/readable.h"

namespace tessera {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const CocoGroundTruth& truth, const CocoScores& scores) {
  Json json = {{"images", truth.images.size()}, {"stats", Json::object()}};
  for (std::size_t i = 0; i < scores.stats.size(); ++i) {
    json["stats"][std::string(CocoScores::kNames[i])] = scores.stats[i];
  }
  json["per_class"] = Json::array();
  for (std::size_t k = 0; k < scores.classes.size(); ++k) {
    const CocoClassScore& score = scores.classes[k];
    json["per_class"].push_back({{"id", truth.categories[k].id},
                                 {"name", truth.categories[k].name},
                                 {"truths", score.truths},
                                 {"detections", score.detections},
                                 {"AP", score.ap},
                                 {"AP50", score.ap50},
                                 {"AP75", score.ap75},
                                 {"AP_small", score.ap_small},
                                 {"AP_medium", score.ap_medium},
                                 {"AP_large", score.ap_large},
                                 {"AR100", score.ar100}});
  }
  return json;
}

std::string figure(double value) { return value < 0.0 ? "–" : fmt::format("{:.4f}", value); }

void print(const CocoGroundTruth& truth, const CocoScores& scores) {
  fmt::print("{}, {}\n\n", plural(static_cast<std::int64_t>(truth.images.size()), "image"),
             plural(static_cast<std::int64_t>(truth.categories.size()), "class", "classes"));
  for (std::size_t i = 0; i < scores.stats.size(); ++i) {
    fmt::print("{:<10}{:>7}\n", CocoScores::kNames[i], figure(scores.stats[i]));
  }
  TextTable table;
  table.add_column("class", TextTable::Align::kLeft);
  for (const char* title : {"truths", "detections", "AP", "AP50", "AP75", "AR100"}) {
    table.add_column(title);
  }
  for (std::size_t k = 0; k < scores.classes.size(); ++k) {
    const CocoClassScore& score = scores.classes[k];
    table.add_row({truth.categories[k].name, fmt::to_string(score.truths),
                   fmt::to_string(score.detections), figure(score.ap), figure(score.ap50),
                   figure(score.ap75), figure(score.ar100)});
  }
  fmt::print("\n{}", table.plain());
}

}  // namespace

void score_boxes(const ScoreOptions& options) {
  const CocoGroundTruth truth = read_coco_ground_truth(options.truth);
  const auto detections = read_coco_detections(options.predictions, truth);
  CocoMetrics metrics(static_cast<std::int64_t>(truth.categories.size()));
  for (std::size_t i = 0; i < truth.images.size(); ++i) {
    metrics.add(truth.images[i], truth.truths[i], detections[i]);
  }
  const CocoScores scores = metrics.scores();
  if (options.json) {
    fmt::print("{}\n", to_json(truth, scores).dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    print(truth, scores);
  }
}

}  // namespace tessera
