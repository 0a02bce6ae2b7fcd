// What a RetinaNet detector should put out for known boxes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "data/sample.h"
#include "layers/heads/detector_grid.h"

namespace tessera {

/// In the place of a box: the anchor learns to find nothing, or does not learn.
inline constexpr std::int32_t kNoBox = -1, kLeftOut = -2;

/// From an anchor to a box: how far the middle lies away, in widths and heights of the anchor, and
/// the logarithms of the ratios of widths and heights. And back; there the ratios are at most
/// 1000 / 16.
std::array<float, 4> offsets_to(const Box& box, const AnchorCorners& anchor);
AnchorCorners box_at(const AnchorCorners& anchor, const float* offsets);

/// For each anchor, level by level and place by place, which of `boxes` it should find: the one
/// that it overlaps most, of equals the first, if by at least `positive`, or if no anchor overlaps
/// some box more than this one does. Else kNoBox below `negative`, kLeftOut from there on. Crowds
/// belong to no anchor. arXiv:1708.02002 section 4.1.
std::vector<std::int32_t> match_anchors(const DetectorGrid& grid, std::span<const Box> boxes,
                                        const DetectorConfig& config);

/// Of a batch, one tensor a level, with A anchors at a place.
struct AnchorTargets {
  std::vector<Tensor> labels;         ///< [B, h, w, A] i32, -1 where nothing is to be found
  std::vector<Tensor> class_weights;  ///< [B, h, w, A] of the loss of classes: 0 of those left out
  std::vector<Tensor> offsets;        ///< [B, h, w, A, 4]
  std::vector<Tensor> box_weights;    ///< [B, h, w, A] of the loss of boxes
};

/// `boxes` are those of each image, in its pixels. Weights are 1 by the number of an image's
/// anchors that should find something, at least 1, and by the number of images.
AnchorTargets anchor_targets(const DetectorGrid& grid, const std::vector<std::vector<Box>>& boxes,
                             const DetectorConfig& config);

}  // namespace tessera
