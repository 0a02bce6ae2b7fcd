#include "report/mask_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "train/evaluate.h"

namespace tessera::report {
namespace {

/// Keeps the `most` samples that come first by `before`.
template <typename Before>
void keep(std::vector<MaskSample>& kept, const MaskSample& sample, std::size_t most,
          const Before& before) {
  const auto place = std::upper_bound(kept.begin(), kept.end(), sample, before);
  if (place == kept.end() && kept.size() >= most) return;
  kept.insert(place, sample);
  if (kept.size() > most) kept.pop_back();
}

MaskSample sample_of(std::int64_t index, Mask prediction, const Mask& truth,
                     std::int64_t num_classes) {
  Confusion confusion(num_classes);
  confusion.add(truth.classes, prediction.classes);
  return {index, confusion.mean_iou(), std::move(prediction)};
}

}  // namespace

MaskResult test_masks(SavedModel& saved, const Dataset& test, std::size_t worst, std::size_t best,
                      Log& log) {
  const std::int64_t classes = saved.config.model.num_classes;
  Loader loader(test, evaluation_options(saved.config.data));
  MaskResult result{SegmentationMeter(classes), {}, {}};
  const auto visit = [&](std::span<const Tensor>, const Batch& batch) {
    log.status(fmt::format("testing, image {}/{}", batch.index + 1, loader.batches_per_epoch()));
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const auto at = static_cast<std::size_t>(i);
      const MaskSample sample = sample_of(batch.samples[at], result.meter.predictions()[at],
                                          batch.originals[at].mask, classes);
      keep(result.worst, sample, worst,
           [](const MaskSample& a, const MaskSample& b) { return a.miou < b.miou; });
      keep(result.best, sample, best,
           [](const MaskSample& a, const MaskSample& b) { return a.miou > b.miou; });
    }
    return true;
  };
  evaluate(*saved.learner, loader, result.meter, visit);
  std::erase_if(result.best, [&](const MaskSample& sample) {
    return std::ranges::any_of(result.worst,
                               [&](const MaskSample& w) { return w.sample == sample.sample; });
  });
  return result;
}

Image error_map(const Image& image, const Mask& truth, const Mask& prediction) {
  Image map = image;
  for (std::size_t p = 0; p < truth.classes.size(); ++p) {
    std::uint8_t* pixel = map.pixels.data() + 3 * p;
    const int grey = (pixel[0] + pixel[1] + pixel[2]) / 6;  // half as bright
    const bool ignored = truth.classes[p] == kIgnored;
    const bool wrong = !ignored && truth.classes[p] != prediction.classes[p];
    pixel[0] = static_cast<std::uint8_t>(ignored ? 0 : wrong ? 170 + grey / 2 : grey);
    pixel[1] = pixel[2] = static_cast<std::uint8_t>(ignored ? 0 : wrong ? grey / 3 : grey);
  }
  return map;
}

}  // namespace tessera::report
