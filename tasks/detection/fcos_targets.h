// What an FCOS detector should put out for known boxes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "data/sample.h"
#include "layers/model_config.h"

namespace tessera {

/// One level of a detector over images of one size. Place (i, j) of its map lies at
/// (first_y + i step_y, first_x + j step_x), pixels.
struct FcosLevel {
  Size2 map{};
  float stride = 0.0f;  ///< as configured: the unit of radius and ranges
  float first_y = 0.0f, first_x = 0.0f;
  float step_y = 0.0f, step_x = 0.0f;
  float low = 0.0f;   ///< least distance to the farthest side of a box that it finds
  float high = 0.0f;  ///< and the end of these

  std::int64_t places() const { return map[0] * map[1]; }
  float y(std::int64_t i) const { return first_y + static_cast<float>(i) * step_y; }
  float x(std::int64_t j) const { return first_x + static_cast<float>(j) * step_x; }
};

/// All levels, and how boxes are given to places.
struct FcosGrid {
  std::vector<FcosLevel> levels;
  float radius = 0.0f;       ///< strides
  bool open_ranges = false;  ///< `low` is of no level
  bool rough_areas = false;  ///< see FcosRules::kTorchvision

  std::int64_t places() const;
};

/// For maps of these sizes, a level each, of images of size `image`.
FcosGrid fcos_grid(const ModelConfig& model, std::span<const Size2> maps, Size2 image);

/// For each place, level by level and row by row, which of `boxes` it should find, or -1: of those
/// that it lies in, no farther from the middle than the radius, with the farthest side in the
/// level's range, the smallest, and of equal ones the first. Crowds belong to no place.
/// arXiv:2006.09214 section 3.1.
std::vector<std::int32_t> match_places(const FcosGrid& grid, std::span<const Box> boxes);

/// Of a batch, one tensor a level.
struct FcosTargets {
  std::vector<Tensor> labels;      ///< [B, h, w] i32, -1 where nothing is to be found
  std::vector<Tensor> distances;   ///< [B, h, w, 4] pixels to left, top, right and bottom
  std::vector<Tensor> centreness;  ///< [B, h, w] in 0..1, 0 where nothing is to be found
  std::int64_t positives = 0;      ///< places at which something is to be found
  double centreness_sum = 0.0;
};

/// `boxes` are those of each image, in its pixels.
FcosTargets fcos_targets(const FcosGrid& grid, const std::vector<std::vector<Box>>& boxes);

}  // namespace tessera
