// Where a detector looks: the geometry that its head, its targets and its boxes share.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "layers/model_config.h"
#include "layers/model_problems.h"

namespace tessera {

/// The levels of a detector, fine to coarse.
struct DetectorLevels {
  std::vector<std::int64_t> strides;  ///< pixels, each twice the one before
  std::vector<std::size_t> stages;    ///< of the backbone, which give the first of them
  std::int64_t extra = 0;             ///< levels behind those
  bool extra_from_stage = false;      ///< the first of these from the map of the last stage
  std::vector<double> bounds;         ///< pixels, one between two levels: how far the farthest side
                                      ///< of a box may be for a level of fcos to find it

  std::size_t count() const { return strides.size(); }
};

/// Of a configuration whose head has no problems.
DetectorLevels detector_levels(const ModelConfig& config);

/// Channels of the stages that the levels are made of.
std::vector<std::int64_t> detector_channels(const ModelConfig& config,
                                            const DetectorLevels& levels);

/// What in levels, ranges and anchors cannot be meant.
std::vector<ConfigProblem> detector_problems(const ModelConfig& config);

/// Tensors that a detector's head puts out for each level.
std::size_t detector_parts(HeadType type);

/// Corners x0, y0, x1, y1, pixels; of an anchor before its place is known, from there on.
using AnchorCorners = std::array<float, 4>;

/// The logarithm of how much larger than its anchor a box of retinanet may be at most: that of
/// torchvision and detectron2.
inline constexpr float kMostGrowth = 4.135166556742356f;  // log(1000 / 16)

/// One level of a detector over images of one size. Place (i, j) of its map lies at
/// (first_y + i step_y, first_x + j step_x), pixels.
struct DetectorLevel {
  Size2 map{};
  float stride = 0.0f;  ///< as configured: the unit of radius and ranges
  float first_y = 0.0f, first_x = 0.0f;
  float step_y = 0.0f, step_x = 0.0f;
  float low = 0.0f;   ///< of fcos: least distance to the farthest side of a box that it finds
  float high = 0.0f;  ///< and the end of these
  std::vector<AnchorCorners> anchors;  ///< of retinanet, at each place

  std::int64_t places() const { return map[0] * map[1]; }
  float y(std::int64_t i) const { return first_y + static_cast<float>(i) * step_y; }
  float x(std::int64_t j) const { return first_x + static_cast<float>(j) * step_x; }

  /// Corners around place `k` of all, row by row.
  AnchorCorners around(std::int64_t k, const AnchorCorners& corners) const;

  /// Those of anchor `k` of all, place by place.
  AnchorCorners anchor(std::int64_t k) const;
};

/// All levels, and how boxes are given to places.
struct DetectorGrid {
  std::vector<DetectorLevel> levels;
  float radius = 0.0f;       ///< strides
  bool open_ranges = false;  ///< `low` is of no level
  bool rough_areas = false;  ///< see PlaceRules::kTorchvision

  std::int64_t places() const;
};

/// For maps of these sizes, a level each, of images of size `image`.
DetectorGrid detector_grid(const ModelConfig& model, std::span<const Size2> maps, Size2 image);

}  // namespace tessera
