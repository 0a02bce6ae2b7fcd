// Boxes in the format of YOLO: a text file an image, its sides as units.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"
#include "data/sets/box_files.h"
#include "data/sets/box_fixes.h"

namespace tessera {

/// Rows of class and the middle, width and height of a box, or of class and the corners of an
/// outline, whose hull is the box; all in 0..1, up to 1 % beyond. Equal rows count once. Throws
/// DataError that names the line. A box without area is left out with a warning.
std::vector<Box> parse_yolo_labels(std::span<const std::uint8_t> bytes, std::string_view name,
                                   std::int64_t num_classes, BoxWarnings& warnings);

/// One split of what `data.yaml` in `config.root` describes (or the YAML file that data.root or
/// data.train_list names): `train`, `val` and `test` are folders of images or lists of them, below
/// `path` or the file's folder, and `names` the classes. The text of `.../images/a.jpg` is
/// `.../labels/a.txt`; an image without one is an image without boxes. Throws DataError, also if no
/// image of the split has labels.
std::unique_ptr<Dataset> open_yolo(const DataConfig& config, Split split);

std::vector<std::string> yolo_classes(const DataConfig& config);

bool yolo_validates_on_test(const DataConfig& config);

/// The texts of all images that have one.
AnnotationFiles yolo_annotations(const DataConfig& config);

}  // namespace tessera
