// What a survey learns from the images, masks and boxes that it looks at.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/dataset.h"
#include "files/file_source.h"

namespace tessera {

struct SurveyLook {
  std::vector<std::int64_t> heights, widths;
  bool is_grey = true;
  std::int64_t unreadable = 0;
  std::string example;  ///< what is wrong with the first that cannot be read
  Normalization measured;
  std::vector<std::int64_t> pixels;  ///< masks: of each class
  std::vector<double> box_sides;     ///< boxes: root of the area over the image's longer side
  std::int64_t most_boxes = 0;       ///< of an image
};

/// Some images spread over all, for at most some seconds.
SurveyLook look_at(const Dataset& dataset);

/// Sets `classes`, and `colors` where the values of the masks are no class numbers, by some of the
/// masks. Classes that are known stay. Throws DataError if there are too many colours.
void name_mask_classes(const FileSource& files, DataConfig& config);

}  // namespace tessera
