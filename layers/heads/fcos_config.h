// What an FCOS detector is made of and how its outputs become boxes: `model.head` of type fcos.
#pragma once

#include <cstdint>
#include <vector>

namespace tessera {

/// What a detection is worth by the probability of its class and its centre-ness.
enum class FcosScore : std::uint8_t {
  kRoot,     ///< the root of the product, as torchvision and detectron2
  kProduct,  ///< the product, as in the papers and mmdetection
};

/// Where implementations of FCOS go apart in finer points.
enum class FcosRules : std::uint8_t {
  kAuto,         ///< kTorchvision where the location is 0, else kPlain
  kPlain,        ///< places a stride apart; a range holds its lower end; exact areas
  kTorchvision,  ///< places floor(image / map) pixels apart; ranges without their ends; areas that
                 ///< differ by less than the steps of 1e8 - area in f32 are equal
};

/// What the loss of boxes is divided by.
enum class FcosBoxWeight : std::uint8_t {
  kEqual,       ///< each place counts as 1; divided by their number
  kCentreness,  ///< each by its target of centre-ness; divided by the sum of these
};

/// arXiv:1904.01355, arXiv:2006.09214.
struct FcosConfig {
  std::int64_t groups = 32;            ///< of their group norms
  std::vector<std::int64_t> levels{};  ///< strides in pixels; empty: all stages but the first, and
                                       ///< two more
  bool level_scales = true;            ///< a learned factor of the distances of each level
  double radius = 1.5;                 ///< strides from a box's centre within which places are its
  std::vector<double> ranges{};        ///< pixels: bounds between the levels; empty: 8 strides
  double location = 0.5;               ///< of a place in its cell, in strides
  FcosRules rules = FcosRules::kAuto;
  FcosBoxWeight box_weight = FcosBoxWeight::kEqual;
  FcosScore score = FcosScore::kRoot;
  double score_threshold = 0.05;   ///< detections have more
  double nms = 0.6;                ///< overlap above which the lower score of a class goes
  std::int64_t keep = 100;         ///< detections of an image
  std::int64_t before_nms = 1000;  ///< candidates of each level
};

}  // namespace tessera
