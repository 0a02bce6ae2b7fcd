#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "layers/stage_plan.h"
#include "report/plot/picture.h"
#include "report/probes/receptive_field.h"
#include "report/sections.h"

namespace tessera::report {
namespace {

constexpr std::int64_t kPictureWidth = 320;

/// The field with a line around the token's own pixels, as far as they are in the image.
Picture field_picture(const ReceptiveField& field) {
  constexpr Rgba kFrame = {221, 98, 20, 255};
  constexpr std::int64_t kLine = 4;
  const std::int64_t scale = std::max<std::int64_t>(1, kPictureWidth / field.strength.dim(1));
  const Picture small =
      picture_of(field.strength.span(), field.strength.dim(1), 1.0, strength_color);
  Picture picture(small.height() * scale, small.width() * scale);
  picture.paste(0, 0, small, scale);
  const std::int64_t top = field.token[0] * field.cell[0] * scale;
  const std::int64_t left = field.token[1] * field.cell[1] * scale;
  const std::int64_t bottom = std::min(picture.height(), top + field.cell[0] * scale);
  const std::int64_t right = std::min(picture.width(), left + field.cell[1] * scale);
  for (std::int64_t y = top; y < bottom; ++y) {
    for (std::int64_t x = left; x < right; ++x) {
      const bool inside =
          y >= top + kLine && y < bottom - kLine && x >= left + kLine && x < right - kLine;
      if (!inside) picture.set(y, x, kFrame);
    }
  }
  return picture;
}

Plot reach_plot(const std::vector<ReceptiveField>& fields) {
  Plot plot{.title = "How much lies within a distance",
            .x = {.label = "pixels from the middle of the token", .tight = true, .low = 0.0},
            .y = {.unit = Unit::kPercent, .low = 0.0, .high = 1.0},
            .series = {}};
  constexpr std::array<const char*, 6> kColors = {"s1", "s0", "s2", "s3", "s4", "s5"};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    Series series{
        .name = fields[i].name, .color = kColors[i % kColors.size()], .kind = Series::Kind::kLine};
    const std::vector<double> shares = fields[i].share_within();
    for (std::size_t r = 0; r < shares.size(); ++r) {
      series.points.push_back({static_cast<double>(r), shares[r]});
    }
    plot.series.push_back(std::move(series));
  }
  return plot;
}

/// As many images as some seconds allow for; more only make the pictures smoother.
std::int64_t images_for(const ModelConfig& config, std::int64_t there) {
  constexpr double kMacs = 1e9;
  const auto images =
      static_cast<std::int64_t>(kMacs / static_cast<double>(plan_model(config).macs()));
  return std::min(there, std::clamp(images, std::int64_t{4}, std::int64_t{64}));
}

}  // namespace

std::optional<Section> receptive_field_section(RunView& view) {
  if (!view.test) return std::nullopt;
  const Tensor& images = view.test->images;
  const std::int64_t count = images_for(view.saved->config.model, images.dim(0));
  const std::vector<ReceptiveField> fields =
      receptive_fields(view.saved->learner->model(),
                       images.slice(0, {count, images.dim(1), images.dim(2), images.dim(3)}));
  Section section{"receptive-field",
                  "Receptive field",
                  "How far a token sees: the pixels that move the token in the middle of the map, "
                  "after the embedding and after each stage.",
                  {}};
  Markup& html = section.body;
  html.open("div", {{"class", "figures"}});
  html.open("figure").element("h4", "Pixels that move the token in the middle");
  html.open("div", {{"class", "heads large"}});
  for (const ReceptiveField& field : fields) {
    html.open("div");
    add_image(html, field_picture(field), "receptive field after " + field.name);
    html.element("span", fmt::format("{}: half within {:.1f} px", field.name, field.half_radius()))
        .close();
  }
  html.close();
  html.element("figcaption",
               fmt::format("The gradient of the token to each pixel, root mean square over {} test "
                           "images and its channels (effective receptive field, "
                           "arXiv:1701.04128). The orange frame is the token's own place.",
                           count));
  html.close();
  add_figure(html, draw(reach_plot(fields)),
             "The squared gradient, added up outwards from the middle of the token.");
  html.close();
  return section;
}

}  // namespace tessera::report
