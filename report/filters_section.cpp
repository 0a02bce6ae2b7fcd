#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/probes/embedding_filters.h"
#include "report/sections.h"

namespace tessera::report {
namespace {

/// The mean of the images [N, H, W, C].
Tensor mean_image(const Tensor& images) {
  const Shape shape{images.dim(1), images.dim(2), images.dim(3)};
  Tensor mean = Tensor::zeros(shape);
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    mean.f32()[i % shape.numel()] += images.f32()[i] / static_cast<float>(images.dim(0));
  }
  return mean;
}

Picture spectrum_picture(const Tensor& power) {
  Tensor amplitude = Tensor::empty(power.shape());
  for (std::int64_t i = 0; i < power.numel(); ++i) {
    amplitude.f32()[i] = std::sqrt(power.f32()[i]);
  }
  return picture_of(amplitude.span(), power.dim(1), double{largest_magnitude(amplitude)},
                    strength_color);
}

void add_picture(Markup& html, const std::string& title, const Picture& picture,
                 const std::string& scale, const std::string& caption) {
  html.open("figure").element("h4", title);
  add_image(html, picture, title);
  html.raw(scale).element("figcaption", caption).close();
}

std::string scale_of(const char* low, const char* kind, const char* high) {
  return fmt::format("<div class=\"scale\">{}<i class=\"{}\"></i>{}</div>", low, kind, high);
}

Plot spectrum_plot(const Tensor& mean_power) {
  Series series{.name = "all filters", .color = "s0", .kind = Series::Kind::kLine};
  double total = 0.0;
  for (const SpectrumPoint& point : radial_mean(mean_power)) {
    series.points.push_back({point.frequency, point.power});
    total = std::max(total, point.power);
  }
  for (Point& point : series.points) point.y /= std::max(total, 1e-30);
  return {.title = "Power by frequency",
          .x = {.label = "cycles a pixel", .tight = true, .low = 0.0, .high = 0.5},
          .y = {.unit = Unit::kPercent, .low = 0.0, .high = 1.0},
          .series = {series}};
}

}  // namespace

std::optional<Section> filters_section(RunView& view) {
  if (!view.test) return std::nullopt;
  const Tensor kernels =
      embedding_filters(view.saved->learner->model(), mean_image(view.test->images)).kernels;
  const std::int64_t all = kernels.dim(0), shown = std::min(all, kMostFilters);
  const std::int64_t n = std::max<std::int64_t>(32, std::max(kernels.dim(1), kernels.dim(2)));
  std::vector<Picture> spectra;
  Tensor mean_power = Tensor::zeros({n, n});
  for (std::int64_t i = 0; i < all; ++i) {
    const Tensor kernel = kernel_of(kernels, i);
    const Tensor power = power_spectrum(kernel, n);
    for (std::int64_t j = 0; j < n * n; ++j) mean_power.f32()[j] += power.f32()[j];
    if (i < shown) spectra.push_back(spectrum_picture(power));
  }
  Section section{"filters", "Embedding", "", {}};
  section.lead = fmt::format(
      "What turns pixels into tokens: a token of the embedding sees {} × {} pixels and answers in "
      "{} channels.",
      kernels.dim(1), kernels.dim(2), all);
  const bool color = kernels.dim(3) == 3;
  Markup& html = section.body;
  html.open("div", {{"class", "figures"}});
  add_picture(html, "Filters", filter_mosaic(kernels),
              color ? "" : scale_of("darker", "signed", "brighter"),
              fmt::format("The gradient of {} to the pixels it sees, at the mean of the test "
                          "images: of a linear embedding its kernels, up to the norm behind them. "
                          "Each is scaled by itself; the strongest come first.",
                          shown < all ? fmt::format("the {} strongest channels of the token in the "
                                                    "middle",
                                                    shown)
                                      : "each channel of the token in the middle"));
  add_picture(html, "Their spectra", mosaic(spectra, kFilterColumns, kFilterWidth),
              scale_of("0", "strength", "largest"),
              fmt::format("The amplitude of the Fourier transform of the filter at the same place, "
                          "padded to {} × {} pixels. The middle is frequency 0, the edge half a "
                          "cycle a pixel.",
                          n, n));
  html.open("figure").element("h4", "Mean spectrum").open("div", {{"class", "heads single"}});
  add_image(html, spectrum_picture(mean_power), "mean spectrum");
  html.close().raw(scale_of("0", "strength", "largest"));
  html.element(
      "figcaption",
      "The amplitude that all filters together have at each frequency, laid out as above.");
  html.close();
  add_figure(html, draw(spectrum_plot(mean_power)),
             "Mean power of all filters over rings of equal frequency, of its largest. An even "
             "colour is at the left, a checkerboard of single pixels at the right.");
  html.close();
  return section;
}

}  // namespace tessera::report
