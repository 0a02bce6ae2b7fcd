// What an FCOS detector should put out for known boxes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "data/sample.h"
#include "layers/heads/detector_grid.h"

namespace tessera {

/// For each place, level by level and row by row, which of `boxes` it should find, or -1: of those
/// that it lies in, no farther from the middle than the radius, with the farthest side in the
/// level's range, the smallest, and of equal ones the first. Crowds belong to no place.
/// arXiv:2006.09214 section 3.1.
std::vector<std::int32_t> match_places(const DetectorGrid& grid, std::span<const Box> boxes);

/// Of a batch, one tensor a level.
struct FcosTargets {
  std::vector<Tensor> labels;      ///< [B, h, w] i32, -1 where nothing is to be found
  std::vector<Tensor> distances;   ///< [B, h, w, 4] pixels to left, top, right and bottom
  std::vector<Tensor> centreness;  ///< [B, h, w] in 0..1, 0 where nothing is to be found
  std::int64_t positives = 0;      ///< places at which something is to be found
  double centreness_sum = 0.0;
};

/// `boxes` are those of each image, in its pixels.
FcosTargets fcos_targets(const DetectorGrid& grid, const std::vector<std::vector<Box>>& boxes);

}  // namespace tessera
