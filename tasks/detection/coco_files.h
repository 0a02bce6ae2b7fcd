// Truths and detections in COCO's JSON.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tasks/detection/coco_metrics.h"

namespace tessera {

/// What evaluation needs of an annotation file. Classes are categories by ascending id.
struct CocoGroundTruth {
  struct Category {
    std::int64_t id = 0;
    std::string name;
  };

  std::vector<Category> categories;
  std::vector<std::int64_t> images;            ///< ids, ascending
  std::vector<std::vector<CocoTruth>> truths;  ///< by image, in the file's order
};

/// Of `images`, `annotations` and `categories`; `area` of an annotation defaults to that of its
/// box, `iscrowd` to 0. Throws DataError that names file, entry, value and what is expected.
CocoGroundTruth read_coco_ground_truth(const std::filesystem::path& path);

/// Of a list of {image_id, category_id, bbox, score}: by image of `truth`, in the file's order. One
/// entry is in memory at a time. Throws DataError, also for images and categories that `truth` does
/// not have: they would count for nothing without a word.
std::vector<std::vector<CocoDetection>> read_coco_detections(const std::filesystem::path& path,
                                                             const CocoGroundTruth& truth);

}  // namespace tessera
