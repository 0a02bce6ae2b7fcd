#include <fmt/format.h>

#include <cmath>

#include "report/sections.h"

namespace tessera::report {
namespace {

constexpr double kBin = 1.0 / static_cast<double>(ClassificationMeter::kConfidenceBins);

Series bars(const ClassificationMeter& metrics, std::string name, std::string color,
            double (*value)(const ConfidenceBin&, double samples)) {
  Series series{.name = std::move(name),
                .color = std::move(color),
                .kind = Series::Kind::kBars,
                .bar_width = kBin};
  for (std::size_t i = 0; i < ClassificationMeter::kConfidenceBins; ++i) {
    const ConfidenceBin& bin = metrics.confidence_bins()[i];
    if (bin.samples == 0) continue;
    series.points.push_back({(static_cast<double>(i) + 0.5) * kBin,
                             value(bin, static_cast<double>(metrics.samples()))});
  }
  return series;
}

/// Positive if the model is surer than it is right.
double bias(const ClassificationMeter& metrics) {
  double sum = 0.0;
  for (const ConfidenceBin& bin : metrics.confidence_bins()) sum += bin.confidence_sum;
  return sum / static_cast<double>(metrics.samples()) - metrics.top1();
}

}  // namespace

std::optional<Section> calibration_section(const RunView& view) {
  if (!view.test || view.test->metrics.samples() == 0) return std::nullopt;
  const ClassificationMeter& metrics = view.test->metrics;
  const AxisConfig x{
      .label = "confidence", .unit = Unit::kPercent, .tight = true, .low = 0.0, .high = 1.0};
  const Plot reliability{.title = "Right answers by confidence",
                         .x = x,
                         .y = {.unit = Unit::kPercent, .low = 0.0, .high = 1.0},
                         .series = {bars(metrics, "right", "s0",
                                         [](const ConfidenceBin& bin, double) {
                                           return static_cast<double>(bin.correct) /
                                                  static_cast<double>(bin.samples);
                                         }),
                                    {.name = "as sure as right",
                                     .color = "ink",
                                     .points = {{0.0, 0.0}, {1.0, 1.0}},
                                     .dashed = true}}};
  const Plot histogram{.title = "How sure it is",
                       .x = x,
                       .y = {.unit = Unit::kPercent, .low = 0.0},
                       .series = {bars(metrics, "share of images", "s2",
                                       [](const ConfidenceBin& bin, double samples) {
                                         return static_cast<double>(bin.samples) / samples;
                                       })}};
  const double error = metrics.calibration_error();
  Section section{"calibration", "Calibration", "", {}};
  section.lead = fmt::format(
      "Of answers given with 80\u00a0% confidence, 80\u00a0% should be right. The expected "
      "calibration error "
      "(ECE) is {}; on the whole the model is {} by {}.",
      number_text(error, Unit::kPercent, 2),
      bias(metrics) > 0.0 ? "surer than it is right" : "less sure than it is right",
      number_text(std::abs(bias(metrics)), Unit::kPercent, 2));
  Markup& html = section.body;
  html.open("div", {{"class", "figures"}});
  add_figure(html, draw(reliability),
             "Share of right answers among those whose probability falls into one of 15 equal "
             "parts. Below the dashed line the model is too sure. The ECE is the distance of the "
             "mean probability of a part from its bar, averaged over all images.");
  add_figure(html, draw(histogram), "Share of the test images in each part.");
  html.close();
  return section;
}

}  // namespace tessera::report
