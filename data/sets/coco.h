// Boxes in the format of COCO (arXiv:1405.0312): one JSON file a split.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/sets/box_fixes.h"

namespace tessera {

/// One split below `config.root`: of `annotations/instances_{train,val,test}.json` (also with the
/// years 2017 and 2014, without `instances_`, at the root, or `{train,...}/_annotations.coco.json`)
/// or of the JSON file that a list names; a file's `file_name` below `config.images`, the root,
/// `images` or a folder named as the split. Images without boxes are images.
///
/// Labels follow the categories of training, by rising id; of those without a box, a parent of
/// others is none. Other splits are matched by name, whatever their ids. Throws DataError that
/// names the entry of a file that does not fit.
std::unique_ptr<Dataset> open_coco(const DataConfig& config, Split split);

/// data.classes, or the categories of training.
std::vector<std::string> coco_classes(const DataConfig& config);

bool coco_validates_on_test(const DataConfig& config);

/// The JSON files of all parts.
AnnotationFiles coco_annotations(const DataConfig& config);

}  // namespace tessera
