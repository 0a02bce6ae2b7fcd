#include "report/box_result.h"

#include <fmt/format.h>

#include <algorithm>

#include "train/evaluate.h"

namespace tessera::report {
namespace {

/// Counts what is wrong of an image at a score, and drops the detections below it.
void count_errors(BoxSample& sample, const std::vector<Box>& truths, double score) {
  std::erase_if(sample.detections, [score](const Detection& d) { return double{d.score} < score; });
  const BoxAssignment assignment = assign_boxes(truths, sample.detections);
  sample.missed = std::ranges::count_if(truths, [](const Box& truth) { return !truth.crowd; });
  for (std::size_t i = 0; i < sample.detections.size(); ++i) {
    if (assignment.ignored[i]) continue;
    assignment.of_class[i] < 0 ? ++sample.invented : --sample.missed;
  }
}

}  // namespace

BoxResult test_boxes(SavedModel& saved, const Dataset& test, std::size_t worst, Log& log) {
  Loader loader(test, evaluation_options(saved.config.data));
  BoxResult result{DetectionMeter(saved.config.model), 1.0, {}};
  std::vector<BoxSample> samples;
  std::vector<std::vector<Box>> truths;
  const auto visit = [&](std::span<const Tensor>, const Batch& batch) {
    log.status(fmt::format("testing, batch {}/{}", batch.index + 1, loader.batches_per_epoch()));
    const std::vector<std::vector<Detection>>& detections = result.meter.detections();
    for (std::size_t i = 0; i < detections.size(); ++i) {
      samples.push_back({.sample = batch.samples[i], .detections = detections[i]});
      truths.push_back(batch.originals[i].boxes);
    }
    return true;
  };
  evaluate(*saved.learner, loader, result.meter, visit);
  result.score = result.meter.matches().best_score();
  for (std::size_t i = 0; i < samples.size(); ++i)
    count_errors(samples[i], truths[i], result.score);
  std::ranges::stable_sort(samples, std::ranges::greater{},
                           [](const BoxSample& sample) { return sample.missed + sample.invented; });
  samples.resize(std::min(samples.size(), worst));
  result.worst = std::move(samples);
  return result;
}

}  // namespace tessera::report
