#include "cli/box_scores.h"

#include <fmt/format.h>

#include <cmath>

#include "formats/json.h"
#include "study/text_table.h"
#include "train/readable.h"

namespace tessera {
namespace {

std::string figure(double value) {
  return value < 0.0 || std::isnan(value) ? "–" : fmt::format("{:.4f}", value);
}

Json number(double value) { return std::isnan(value) ? Json() : Json(value); }

}  // namespace

Json to_json(const CocoScores& scores, std::int64_t images, std::span<const BoxClass> classes) {
  Json json = {{"images", images}, {"stats", Json::object()}};
  for (std::size_t i = 0; i < scores.stats.size(); ++i) {
    json["stats"][std::string(CocoScores::kNames[i])] = scores.stats[i];
  }
  json["per_class"] = Json::array();
  for (std::size_t k = 0; k < scores.classes.size(); ++k) {
    const CocoClassScore& score = scores.classes[k];
    json["per_class"].push_back({{"id", classes[k].id},
                                 {"name", classes[k].name},
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

void print(const CocoScores& scores, std::int64_t images, std::span<const BoxClass> classes) {
  fmt::print("{}, {}\n\n", plural(images, "image"),
             plural(static_cast<std::int64_t>(classes.size()), "class", "classes"));
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
    table.add_row({classes[k].name, fmt::to_string(score.truths), fmt::to_string(score.detections),
                   figure(score.ap), figure(score.ap50), figure(score.ap75), figure(score.ar100)});
  }
  fmt::print("\n{}", table.plain());
}

Json to_json(const BoxMatches& matches, bool confusion) {
  const double score = matches.best_score();
  Json json = {{"score", score}, {"per_class", Json::array()}};
  for (std::int64_t k = 0; k < matches.num_classes(); ++k) {
    const OperatingPoint point = matches.point(k, score);
    json["per_class"].push_back({{"right", point.right},
                                 {"wrong", point.wrong},
                                 {"precision", number(point.precision())},
                                 {"recall", number(point.recall())},
                                 {"F1", point.f1()}});
  }
  if (confusion) json["confusion"] = matches.confusion(score);
  return json;
}

void print(const BoxMatches& matches, std::span<const BoxClass> classes, bool confusion) {
  const double score = matches.best_score();
  fmt::print("\nDetections of score {:.3f} and more, where the mean F1 is best:\n", score);
  TextTable table;
  table.add_column("class", TextTable::Align::kLeft);
  for (const char* title : {"right", "wrong", "precision", "recall", "F1"}) table.add_column(title);
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const OperatingPoint point = matches.point(static_cast<std::int64_t>(k), score);
    table.add_row({classes[k].name, fmt::to_string(point.right), fmt::to_string(point.wrong),
                   figure(point.precision()), figure(point.recall()), figure(point.f1())});
  }
  fmt::print("{}", table.plain());
  if (!confusion) return;
  fmt::print("\nA row is a class, a column what it was taken for.\n");
  TextTable cells;
  cells.add_column("", TextTable::Align::kLeft);
  for (const BoxClass& one : classes) cells.add_column(one.name);
  cells.add_column("missed");
  const std::vector<std::int64_t> counts = matches.confusion(score);
  const std::size_t side = classes.size() + 1;
  for (std::size_t row = 0; row < side; ++row) {
    std::vector<std::string> texts{row + 1 < side ? classes[row].name : "invented"};
    for (std::size_t column = 0; column < side; ++column) {
      texts.push_back(fmt::to_string(counts[row * side + column]));
    }
    cells.add_row(texts);
  }
  fmt::print("{}", cells.plain());
}

}  // namespace tessera
