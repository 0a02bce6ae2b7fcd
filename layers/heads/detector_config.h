// What a detector is made of and how its outputs become boxes: `model.head` of types fcos and
// retinanet.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

/// What a detection is worth by the probability of its class and its centre-ness.
enum class FcosScore : std::uint8_t {
  kRoot,     ///< the root of the product, as torchvision and detectron2
  kProduct,  ///< the product, as in the papers and mmdetection
};

/// Where implementations of detectors go apart in finer points.
enum class PlaceRules : std::uint8_t {
  kAuto,         ///< kTorchvision where the location is 0, else kPlain
  kPlain,        ///< places a stride apart; a range holds its lower end; exact areas and anchors
  kTorchvision,  ///< places floor(image / map) pixels apart; ranges without their ends; areas that
                 ///< differ by less than the steps of 1e8 - area in f32 are equal; the corners of
                 ///< anchors in whole pixels
};

/// What the loss of boxes is divided by.
enum class FcosBoxWeight : std::uint8_t {
  kEqual,       ///< each place counts as 1; divided by their number
  kCentreness,  ///< each by its target of centre-ness; divided by the sum of these
};

/// What the first of the levels behind the stages is a convolution of.
enum class ExtraFrom : std::uint8_t {
  kAuto,   ///< fcos: kLevel; retinanet: kStage, as in the papers
  kLevel,  ///< of the level before
  kStage,  ///< of the map of the last stage that is read
};

/// In the place of a location: fcos 0.5, retinanet 0.
inline constexpr double kAutoLocation = -1.0;

/// In the place of a number of levels: as many as no stage gives.
inline constexpr std::int64_t kAutoLevels = -1;

/// FCOS, arXiv:1904.01355, arXiv:2006.09214; RetinaNet, arXiv:1708.02002.
struct DetectorConfig {
  std::vector<std::int64_t> levels{};  ///< strides in pixels; empty: all stages but the first, and
                                       ///< two more
  std::int64_t extra_levels = kAutoLevels;  ///< of these, behind the stages
  ExtraFrom extra_from = ExtraFrom::kAuto;
  double location = kAutoLocation;  ///< of a place in its cell, in strides
  PlaceRules rules = PlaceRules::kAuto;
  double score_threshold = 0.05;   ///< detections have more
  double nms = 0.6;                ///< overlap above which the lower score of a class goes
  std::int64_t keep = 100;         ///< detections of an image
  std::int64_t before_nms = 1000;  ///< candidates of each level

  // fcos
  std::int64_t groups = 32;      ///< of their group norms
  bool level_scales = true;      ///< a learned factor of the distances of each level
  double radius = 1.5;           ///< strides from a box's centre within which places are its
  std::vector<double> ranges{};  ///< pixels: bounds between the levels; empty: 8 strides
  FcosBoxWeight box_weight = FcosBoxWeight::kEqual;
  FcosScore score = FcosScore::kRoot;

  // retinanet
  std::vector<std::int64_t> anchors{};  ///< sides in pixels, level by level, as many each; empty:
                                        ///< 4 strides times 1, 2^(1/3) and 2^(2/3), rounded down
  std::vector<double> ratios{0.5, 1.0, 2.0};  ///< height by width of an anchor
  double positive = 0.5;  ///< overlap with a box from which on an anchor learns to find it
  double negative = 0.4;  ///< below which it learns to find nothing; between the two it learns not
};

}  // namespace tessera
