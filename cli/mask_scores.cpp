#include "cli/mask_scores.h"

#include <fmt/core.h>

#include <cmath>

#include "formats/json.h"
#include "study/text_table.h"
#include "train/readable.h"

namespace tessera {
namespace {

Json number_or_null(double value) { return std::isnan(value) ? Json(nullptr) : Json(value); }

std::string percent(double share) {
  return std::isnan(share) ? "–" : fmt::format("{:.2f} %", 100.0 * share);
}

}  // namespace

Json to_json(const MaskScores& scores, const std::vector<std::string>& names) {
  const Confusion& confusion = scores.confusion;
  Json json = {{"images", scores.images},
               {"pixels", confusion.pixels()},
               {"mIoU", number_or_null(confusion.mean_iou())},
               {"mAcc", number_or_null(confusion.mean_accuracy())},
               {"aAcc", number_or_null(confusion.pixel_accuracy())},
               {"fwIoU", number_or_null(confusion.frequency_weighted_iou())},
               {"boundary_IoU", number_or_null(scores.boundary.mean_iou())},
               {"per_class", Json::array()},
               {"confusion", Json::array()}};
  const auto classes = static_cast<std::int64_t>(names.size());
  for (std::int64_t k = 0; k < classes; ++k) {
    const PixelScore one = confusion.class_score(k);
    json["per_class"].push_back({{"class", k},
                                 {"name", names[static_cast<std::size_t>(k)]},
                                 {"truth", one.truth},
                                 {"predicted", one.predicted},
                                 {"IoU", number_or_null(one.iou)},
                                 {"recall", number_or_null(one.recall)},
                                 {"precision", number_or_null(one.precision)},
                                 {"Dice", number_or_null(one.dice)},
                                 {"boundary_IoU", number_or_null(scores.boundary.iou(k))}});
    const auto row = confusion.counts().begin() + k * confusion.num_classes();
    json["confusion"].push_back(std::vector<std::int64_t>(row, row + classes));
  }
  return json;
}

void print(const MaskScores& scores, const std::vector<std::string>& names) {
  const Confusion& confusion = scores.confusion;
  fmt::print("{}, {} that count\n", plural(scores.images, "image"),
             plural(confusion.pixels(), "pixel"));
  fmt::print("mIoU {}   mAcc {}   aAcc {}   fwIoU {}   boundary IoU {}\n\n",
             percent(confusion.mean_iou()), percent(confusion.mean_accuracy()),
             percent(confusion.pixel_accuracy()), percent(confusion.frequency_weighted_iou()),
             percent(scores.boundary.mean_iou()));
  TextTable table;
  for (const char* title :
       {"class", "pixels", "IoU", "recall", "precision", "Dice", "boundary IoU"}) {
    table.add_column(title);
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    const PixelScore one = confusion.class_score(k);
    table.add_row({names[i], fmt::to_string(one.truth), percent(one.iou), percent(one.recall),
                   percent(one.precision), percent(one.dice), percent(scores.boundary.iou(k))});
  }
  fmt::print("{}", table.plain());
}

}  // namespace tessera
