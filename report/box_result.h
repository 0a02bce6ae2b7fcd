// What a detector makes of the test images, in one pass over them.
#pragma once

#include <cstdint>
#include <vector>

#include "tasks/detection/meter.h"
#include "train/log.h"
#include "train/saved_model.h"

namespace tessera::report {

struct BoxSample {
  std::int64_t sample = 0;              ///< of the test split
  std::int64_t missed = 0;              ///< truths, at the score of BoxResult
  std::int64_t invented = 0;            ///< detections
  std::vector<Detection> detections{};  ///< all, by falling score, in pixels of the stored image
};

struct BoxResult {
  DetectionMeter meter;
  double score = 1.0;            ///< from which detections are shown: where the mean F1 is best
  std::vector<BoxSample> worst;  ///< those with most missed and invented, the worst first
};

/// Predicts all of `test` with the weights the model holds; keeps at most so many images.
BoxResult test_boxes(SavedModel& saved, const Dataset& test, std::size_t worst, Log& log);

}  // namespace tessera::report
