// Average precision and recall of detections as the COCO evaluation defines them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tessera {

/// Left upper corner and size in pixels.
struct BoxXywh {
  double x = 0.0, y = 0.0, width = 0.0, height = 0.0;
};

struct CocoTruth {
  BoxXywh box;
  std::int32_t label = 0;
  double area = 0.0;     ///< of the thing itself, which decides its size class
  bool crowd = false;    ///< many things under one box: detections of it count as neither
  bool zero_id = false;  ///< of an annotation whose id is 0: pycocotools takes that for "none", so
                         ///< that a detection of it uses it up and still counts as wrong
};

struct CocoDetection {
  BoxXywh box;
  std::int32_t label = 0;
  double score = 0.0;
};

/// Of one class; -1 where it has no truths (of that size).
struct CocoClassScore {
  std::int64_t truths = 0;      ///< without crowds
  std::int64_t detections = 0;  ///< at most 100 of an image
  double ap = -1.0, ap50 = -1.0, ap75 = -1.0;
  double ap_small = -1.0, ap_medium = -1.0, ap_large = -1.0;
  double ar100 = -1.0;
};

struct CocoScores {
  /// Names of `stats`: AP, AP50, AP75, AP_small, ...
  static const std::array<std::string_view, 12> kNames;

  /// Means over classes, those of -1 left out; -1 if all are.
  std::array<double, 12> stats{};
  std::vector<CocoClassScore> classes;
};

/// The figures of pycocotools' COCOeval for boxes, equal to rounding: IoU thresholds 0.50 to 0.95,
/// 101 points of recall, 1, 10 and 100 detections of a class in an image, sizes parted at areas of
/// 32^2 and 96^2. Each image is matched as it comes; of a detection 32 bytes are kept.
class CocoMetrics {
 public:
  explicit CocoMetrics(std::int64_t num_classes);

  /// An image with its truths and detections in their order, which decides where scores or
  /// overlaps tie; so does the order of ids. Each id once. Throws DataError naming a label that is
  /// no class.
  void add(std::int64_t image_id, std::span<const CocoTruth> truths,
           std::span<const CocoDetection> detections);

  /// Adds the images of another, none of them one's own. Throws ShapeError for other classes.
  void merge(const CocoMetrics& other);

  /// See Meter.
  template <typename State>
  void exchange(State& state) {
    for (Class& of : classes_) {
      state(of.truths);
      state(of.kept);
    }
  }

  CocoScores scores() const;

 private:
  static constexpr std::size_t kSizes = 4;        // all, small, medium, large
  static constexpr std::size_t kThresholds = 10;  // of IoU

  /// A detection and what it is for each size (10 bits each) and threshold.
  struct Kept {
    double score;
    std::int64_t image;
    std::uint64_t rank_and_right;  // place among its image's in the low 8 bits, then `right`
    std::uint64_t counts;          // right or wrong; the others are neither
  };
  struct Class {
    std::array<std::int64_t, kSizes> truths{};  // that count
    std::vector<Kept> kept;
  };
  struct Curve;

  void match(std::int64_t image_id, std::span<const CocoTruth* const> truths,
             std::span<const CocoDetection* const> detections, Class& of);
  static Curve curve(const Class& of, std::size_t size, std::size_t threshold, std::uint64_t limit);

  std::vector<Class> classes_;
};

}  // namespace tessera
