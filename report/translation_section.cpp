#include <fmt/format.h>

#include <algorithm>

#include "report/probes/translation.h"
#include "report/sections.h"

namespace tessera::report {
namespace {

Series curve_of(const std::vector<Translation>& curve, std::string name, std::string color,
                double Translation::*value) {
  Series series{
      .name = std::move(name), .color = std::move(color), .kind = Series::Kind::kLineAndDots};
  for (const Translation& point : curve) {
    series.points.push_back({static_cast<double>(point.pixels), point.*value});
  }
  return series;
}

/// One patch and one more, so that what repeats with the patch is to be seen; within the image.
std::int64_t largest_shift(const ModelConfig& model) {
  const std::int64_t patch = std::max(model.patch_size[0], model.patch_size[1]);
  const std::int64_t image = std::min(model.image_size[0], model.image_size[1]);
  return std::max<std::int64_t>(1, std::min(std::max<std::int64_t>(2 * patch, 4), image / 4));
}

}  // namespace

std::optional<Section> translation_section(RunView& view) {
  if (!view.test) return std::nullopt;
  const ModelConfig& model = view.saved->config.model;
  const std::vector<Translation> curve = translation_curve(*view.saved->learner, view.test->images,
                                                           view.test->labels, largest_shift(model));
  Section section{"translation", "Translation", "", {}};
  const auto patch = static_cast<std::size_t>(std::max(model.patch_size[0], model.patch_size[1]));
  const Translation& at = curve[std::min(patch, curve.size() - 1)];
  section.lead = fmt::format(
      "What becomes of the answers when the image moves. Moved by {} pixels, {}, {} of the images "
      "still get the answer they got.",
      at.pixels, at.pixels == static_cast<std::int64_t>(patch) ? "a patch" : "less than a patch",
      number_text(at.same_answer, Unit::kPercent, 1));
  const AxisConfig x{.label = "pixels moved", .whole = true, .tight = true, .low = 0.0};
  Markup& html = section.body;
  html.open("div", {{"class", "figures"}});
  add_figure(html,
             draw({.title = "Change of the logits",
                   .x = x,
                   .y = {.unit = Unit::kPercent, .low = 0.0},
                   .series = {curve_of(curve, "moved", "s1", &Translation::logit_change)}}),
             fmt::format("Root mean square change of the logits over that between images, for {} "
                         "test images moved right and down, mean of both; edge pixels are repeated "
                         "where the image came from.",
                         view.test->images.dim(0)));
  add_figure(
      html,
      draw({.title = "Answers",
            .x = x,
            .y = {.unit = Unit::kPercent, .high = 1.0},
            .series = {curve_of(curve, "the same as unmoved", "s0", &Translation::same_answer),
                       curve_of(curve, "right", "s2", &Translation::right)}}),
      "Share of the same images whose answer stays what it was, and whose answer is right.");
  html.close();
  return section;
}

}  // namespace tessera::report
