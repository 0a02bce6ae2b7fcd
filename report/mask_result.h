// What a segmentation model makes of the test images, in one pass over them.
#pragma once

#include <cstdint>
#include <vector>

#include "data/sample.h"
#include "tasks/segmentation/meter.h"
#include "train/log.h"
#include "train/saved_model.h"

namespace tessera::report {

struct MaskSample {
  std::int64_t sample = 0;  ///< of the test split
  double miou = 0.0;        ///< over the classes of this image alone
  Mask prediction;          ///< at the size of the stored image
};

struct MaskResult {
  SegmentationMeter meter;
  std::vector<MaskSample> worst;  ///< the worst first
  std::vector<MaskSample> best;   ///< the best first; none of the worst
};

/// Predicts all of `test` with the weights the model holds; keeps at most so many images of each
/// kind.
MaskResult test_masks(SavedModel& saved, const Dataset& test, std::size_t worst, std::size_t best,
                      Log& log);

/// Pixels where the two differ are red on the darkened image, others grey; ignored ones black.
/// `image` of 3 channels and both masks have one size.
Image error_map(const Image& image, const Mask& truth, const Mask& prediction);

}  // namespace tessera::report
