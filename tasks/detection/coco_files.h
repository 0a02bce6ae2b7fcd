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
/// box, `iscrowd` to 0. An `id` is not needed. Throws DataError that names file, entry, value and
/// what is expected.
CocoGroundTruth read_coco_ground_truth(const std::filesystem::path& path);

struct CocoDetections {
  std::vector<std::vector<CocoDetection>> images;  ///< as those of the truth, in the file's order
  std::int64_t left_out = 0;                       ///< of categories that the truth does not have
};

/// Of a list of {image_id, category_id, bbox, score}. One entry is in memory at a time. Throws
/// DataError, also for images that `truth` does not have.
CocoDetections read_coco_detections(const std::filesystem::path& path,
                                    const CocoGroundTruth& truth);

}  // namespace tessera
