// Average precision of detections as the PASCAL VOC evaluation defines it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

/// Corners in pixels.
struct BoxXyxy {
  double x0 = 0.0, y0 = 0.0, x1 = 0.0, y1 = 0.0;
};

struct VocTruth {
  BoxXyxy box;
  std::int32_t label = 0;
  bool difficult = false;  ///< detections of it count as neither right nor wrong
};

struct VocDetection {
  BoxXyxy box;
  std::int32_t label = 0;
  double score = 0.0;
};

struct VocConfig {
  double iou_threshold = 0.5;  ///< a detection needs this overlap, or more
  bool plus_one = false;  ///< corners belong to the box: a side is x1 - x0 + 1, as in the devkit
};

/// NaN where a class has no truths but difficult ones.
struct VocClassScore {
  std::int64_t truths = 0;   ///< without difficult ones
  double ap_11_point = 0.0;  ///< mean precision at recalls 0, 0.1, ... 1, as until 2009
  double ap_area = 0.0;      ///< area under the curve, as from 2010 on
  double recall = 0.0;       ///< of all detections
};

/// Matched image by image; of a detection 24 bytes are kept.
class VocMetrics {
 public:
  explicit VocMetrics(std::int64_t num_classes, const VocConfig& config = {});

  /// An image with its truths and detections; the order of images and detections decides where
  /// scores tie. Throws DataError naming a label that is no class.
  void add(std::span<const VocTruth> truths, std::span<const VocDetection> detections);

  /// Adds the images of another after one's own. Throws ShapeError for other classes.
  void merge(const VocMetrics& other);

  VocClassScore class_score(std::int64_t k) const;

  /// Over the classes that have truths; NaN without any.
  double mean_ap_11_point() const;
  double mean_ap_area() const;

 private:
  struct Kept {
    double score;
    bool right;
  };
  struct Class {
    std::int64_t truths = 0;
    std::vector<Kept> kept;
  };

  VocConfig config_;
  std::vector<Class> classes_;
};

}  // namespace tessera
