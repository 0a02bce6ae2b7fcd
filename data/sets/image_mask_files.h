// Which files are the images and masks of a split.
#pragma once

#include <string>
#include <vector>

#include "data/data_config.h"
#include "data/sets/split_plan.h"
#include "files/file_source.h"

namespace tessera {

struct ImageAndMask {
  std::string path;  ///< of the image, below the root
  std::string mask;
};

/// Where images and masks lie below a root.
struct MaskLayout {
  std::string base;
  std::string images;
  std::string masks;
  Parts parts;
};

/// Throws DataError if there is no folder of images or of masks.
MaskLayout mask_layout(const FileSource& files, const DataConfig& config);

/// Of a stored part, sorted by path, or in the order of its list. Throws DataError that names an
/// image without a mask or a file that is missing; with `on_error: skip`, that is left out and goes
/// to `warnings`.
std::vector<ImageAndMask> images_and_masks(const FileSource& files, const DataConfig& config,
                                           const MaskLayout& layout, Split part,
                                           std::vector<std::string>& warnings);

}  // namespace tessera
