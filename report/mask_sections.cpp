#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/target_picture.h"
#include "report/matrix_plot.h"
#include "report/plot/picture.h"
#include "report/sections.h"

namespace tessera::report {
namespace {

constexpr std::int64_t kMostMaskClassesDrawn = 100;

void add_tile(Markup& html, const Image& image, const char* what) {
  html.open("div");
  add_image(html, picture_of(image.pixels, image.shape), what);
  html.element("span", what).close();
}

/// Photo, truth, prediction and errors of one image in a row.
void add_sample(Markup& html, const RunView& view, const MaskSample& sample) {
  Image buffer;
  const Image photo = in_colors(view.images->read(sample.sample, buffer));
  const Mask truth = view.images->target(sample.sample).mask;
  html.open("figure").element("h4",
                              fmt::format("{} · mIoU {}", view.images->sample_name(sample.sample),
                                          number_text(sample.miou, Unit::kPercent, 1)));
  html.open("div", {{"class", "blocks"}, {"style", "--n:4;--half:2"}});
  add_tile(html, photo, "image");
  add_tile(html, with_mask(photo, truth, 0.65), "truth");
  add_tile(html, with_mask(photo, sample.prediction, 0.65), "prediction");
  add_tile(html, error_map(photo, truth, sample.prediction), "errors in red");
  html.close().close();
}

/// The colours of the classes, with their names.
void add_legend(Markup& html, const std::vector<std::string>& names) {
  html.open("p", {{"class", "soft"}});
  for (std::size_t k = 0; k < names.size(); ++k) {
    const Color color = class_color(static_cast<std::int64_t>(k));
    html.element("span",
                 {{"style", fmt::format("display:inline-block;width:0.8em;height:0.8em;"
                                        "border-radius:3px;background:rgb({},{},{})",
                                        color[0], color[1], color[2])}},
                 "");
    html.text(" " + names[k] + "   ");
  }
  html.close();
}

Cell share_cell(double share) {
  if (std::isnan(share)) return {"–"};
  return {number_text(share, Unit::kPercent, 1), share, share};
}

Table class_table(const MaskResult& result, const std::vector<std::string>& names) {
  Table table{{"Class", "Pixels", "IoU", "Recall", "Precision", "Dice", "Boundary IoU"}, {}, true};
  const Confusion& confusion = result.meter.confusion();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto k = static_cast<std::int64_t>(i);
    const PixelScore score = confusion.class_score(k);
    const double share = static_cast<double>(score.truth) / static_cast<double>(confusion.pixels());
    table.rows.push_back({names[i], Cell(number_text(share, Unit::kPercent, 2), share),
                          share_cell(score.iou), share_cell(score.recall),
                          share_cell(score.precision), share_cell(score.dice),
                          share_cell(result.meter.boundary().iou(k))});
  }
  return table;
}

}  // namespace

std::optional<Section> masks_section(const RunView& view) {
  if (!view.masks || view.masks->worst.empty()) return std::nullopt;
  Section section{
      "masks",
      "Images",
      "The test images with the lowest mIoU over their own classes, then the best ones.",
      {}};
  Markup& html = section.body;
  add_legend(html, view.class_names);
  html.open("div", {{"class", "figures rows"}});
  for (const MaskSample& sample : view.masks->worst) add_sample(html, view, sample);
  for (const MaskSample& sample : view.masks->best) add_sample(html, view, sample);
  html.close();
  return section;
}

std::optional<Section> mask_classes_section(const RunView& view) {
  if (!view.masks) return std::nullopt;
  const Confusion& confusion = view.masks->meter.confusion();
  Section section{"classes", "Classes", "How well the pixels of each class are found.", {}};
  add_table(section.body, class_table(*view.masks, view.class_names));
  if (confusion.num_classes() <= kMostMaskClassesDrawn) {
    section.body.open("div", {{"class", "figures"}});
    add_figure(section.body,
               draw_confusion(confusion.counts(), view.class_names, MatrixNumbers::kPercent),
               "A row is a class, a column what its pixels were taken for, numbers are per cent of "
               "the row. Full blue is all of it, full orange a quarter or more.");
    section.body.close();
  }
  return section;
}

}  // namespace tessera::report
