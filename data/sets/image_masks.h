// Photos with a PNG mask each: semantic segmentation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace tessera {

/// One split of the images and masks below `config.root`, a folder or a tar archive: the same path
/// without its ending below `images` and `labels` (or `config.images` and `config.masks`), in both
/// of them in folders `train`, `val` and `test` or, without these, all of it training. A list
/// (`train_list`, ...) has paths of image and mask in a row, or one name a line, found in both
/// folders. An EXIF orientation turns the photo and not its mask, which is taken as it is stored.
///
/// Only names and the first masks are read now. Throws DataError if an image has no mask, there are
/// none, or masks of two classes hold 0 and 255 alone, of which 255 would be ignored.
std::unique_ptr<Dataset> open_image_masks(const DataConfig& config, Split split);

/// data.classes, or the lines of classes.txt. Throws DataError.
std::vector<std::string> image_masks_classes(const DataConfig& config);

/// Whether kVal and kTest are the same images. Throws DataError.
bool image_masks_validates_on_test(const DataConfig& config);

}  // namespace tessera
