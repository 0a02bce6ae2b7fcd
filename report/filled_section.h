// What a model that fills images in makes of the test images.
#pragma once

#include <cstdint>
#include <vector>

#include "data/images/image.h"
#include "tasks/simmim/simmim.h"
#include "train/log.h"
#include "train/saved_model.h"

namespace tessera::report {

struct FilledSample {
  std::int64_t sample = 0;      ///< of the test split
  std::vector<Image> pictures;  ///< the image, what was seen of it, and that filled in
};

struct FilledResult {
  FillingMeter meter;
  std::vector<FilledSample> first;  ///< the first images
};

/// Fills in all of `test` with the weights the model holds; keeps the pictures of `most` images.
FilledResult test_filling(SavedModel& saved, const Dataset& test, std::size_t most, Log& log);

}  // namespace tessera::report
