// Boxes in the format of PASCAL VOC (Everingham et al. 2010): one XML file an image.
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

struct VocObject {
  std::string name;
  Box box;  ///< label 0
};

struct VocAnnotation {
  ImageSize size;  ///< 0: not said
  std::vector<VocObject> objects;
};

/// Corners are counted from 1 and belong to the box: x0 = xmin - 1, x1 = xmax. What is `difficult`
/// becomes a crowd, neither taught nor scored. Throws DataError that names the object in the file;
/// a box without area is left out with a warning.
VocAnnotation parse_voc(std::span<const std::uint8_t> bytes, std::string_view name,
                        BoxWarnings& warnings);

/// One split below `config.root`: the names in `ImageSets/Main/{train,val,test}.txt` or in a list,
/// without these all of `Annotations/*.xml` as training; images in `JPEGImages` or `config.images`
/// by the name of the XML file. Throws DataError also for a name that is no class.
std::unique_ptr<Dataset> open_voc(const DataConfig& config, Split split);

/// data.classes, the lines of classes.txt, or the names in the training annotations, sorted.
std::vector<std::string> voc_classes(const DataConfig& config);

bool voc_validates_on_test(const DataConfig& config);

/// All XML files of `Annotations`.
AnnotationFiles voc_annotations(const DataConfig& config);

}  // namespace tessera
