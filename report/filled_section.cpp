#include "report/filled_section.h"

#include <fmt/format.h>

#include <array>

#include "data/preview.h"
#include "layers/mask_token.h"
#include "report/plot/picture.h"
#include "report/sections.h"
#include "train/evaluate.h"

namespace tessera::report {

FilledResult test_filling(SavedModel& saved, const Dataset& test, std::size_t most, Log& log) {
  const Normalization normalization = normalization_of(saved.config.data);
  Loader loader(test, evaluation_options(saved.config.data));
  FilledResult result{FillingMeter(mask_side(saved.config.model)), {}};
  const auto visit = [&](std::span<const Tensor> outputs, const Batch& batch) {
    log.status(fmt::format("testing, batch {}/{}", batch.index + 1, loader.batches_per_epoch()));
    for (std::int64_t i = 0; i < batch.size() && result.first.size() < most; ++i) {
      const Image photo = pixels_of(batch, i, normalization);
      result.first.push_back({batch.samples[static_cast<std::size_t>(i)],
                              saved.learner->task().draw(photo, outputs, batch, i, normalization)});
    }
    return true;
  };
  evaluate(*saved.learner, loader, result.meter, visit);
  return result;
}

std::optional<Section> filled_section(const RunView& view) {
  if (!view.filled || view.filled->first.empty()) return std::nullopt;
  constexpr std::array kWords{"image", "seen", "filled in"};
  const MaskingConfig& masking = view.saved->config.model.head.masking;
  const std::int64_t side = mask_side(view.saved->config.model);
  Section section{"filled",
                  "Images",
                  fmt::format("The first test images. {:.0f}\u00a0% of their squares of {} × {} "
                              "pixels are hidden; what was seen of an image is left as it is.",
                              100.0 * masking.ratio, side, side),
                  {}};
  Markup& html = section.body;
  html.open("div", {{"class", "figures rows"}});
  for (const FilledSample& sample : view.filled->first) {
    html.open("figure").element("h4", view.images->sample_name(sample.sample));
    html.open("div", {{"class", "blocks"}, {"style", "--n:3;--half:3"}});
    for (std::size_t i = 0; i < sample.pictures.size(); ++i) {
      const Image& picture = sample.pictures[i];
      html.open("div");
      add_image(html, picture_of(picture.pixels, picture.shape), kWords.at(i));
      html.element("span", kWords.at(i)).close();
    }
    html.close().close();
  }
  html.close();
  return section;
}

}  // namespace tessera::report
