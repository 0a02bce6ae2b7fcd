// The heads of object detection.
#pragma once

#include <cstdint>
#include <vector>

#include "layers/heads/conv_norm.h"
#include "layers/heads/detector_grid.h"
#include "layers/heads/feature_pyramid.h"

namespace tessera {

/// What it puts out for one level.
struct FcosOutput {
  static constexpr std::size_t kParts = 3;
  static constexpr std::size_t kLogits = 0;      ///< [B, h, w, K] of classes
  static constexpr std::size_t kDistances = 1;   ///< [B, h, w, 4] f32: pixels from a place to the
                                                 ///< left, top, right and bottom of its box
  static constexpr std::size_t kCentreness = 2;  ///< [B, h, w, 1] logits
};

/// FCOS, arXiv:1904.01355 with the improvements of arXiv:2006.09214: a feature pyramid and two
/// towers of convolutions with group norm that all levels share, one for classes, one for boxes and
/// centre-ness.
class FcosHead final : public Head {
 public:
  explicit FcosHead(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  StageOutputs reads() const override { return {.stages = levels_.stages, .norm_each = true}; }
  HeadPlan plan(std::span<const MapShape> maps, Size2 image) const override;

  /// -> FcosOutput::kParts tensors for each level, fine to coarse
  std::vector<Var> forward(Tape& tape, std::span<const StageMap> maps, Size2 image) override;
  void visit(ParameterVisitor& visitor) override;

  /// The levels of the pyramid alone, [B, h, w, channels] each.
  std::vector<Var> pyramid(Tape& tape, std::span<const StageMap> maps);

 private:
  DetectorLevels levels_;
  FeaturePyramid pyramid_;
  std::vector<ConvNorm> class_tower_;
  std::vector<ConvNorm> box_tower_;
  Conv2d logits_;
  Conv2d distances_;
  Conv2d centreness_;
  std::vector<Parameter> scales_;  ///< [1] a level, or none
};

/// What RetinaNet puts out for one level, of A anchors at each place: see DetectorLevel.
struct RetinaNetOutput {
  static constexpr std::size_t kParts = 2;
  static constexpr std::size_t kLogits = 0;   ///< [B, h, w, A K] of classes, anchor by anchor
  static constexpr std::size_t kOffsets = 1;  ///< [B, h, w, A 4]: from an anchor to its box, the
                                              ///< middle in widths and heights of the anchor, the
                                              ///< logarithms of the ratios of widths and heights
};

/// RetinaNet, arXiv:1708.02002: a feature pyramid and two towers of convolutions that all levels
/// share, one for classes, one for boxes.
class RetinaNetHead final : public Head {
 public:
  explicit RetinaNetHead(const ModelConfig& config);

  StageOutputs reads() const override { return {.stages = levels_.stages, .norm_each = true}; }
  HeadPlan plan(std::span<const MapShape> maps, Size2 image) const override;

  /// -> RetinaNetOutput::kParts tensors for each level, fine to coarse
  std::vector<Var> forward(Tape& tape, std::span<const StageMap> maps, Size2 image) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  DetectorLevels levels_;
  FeaturePyramid pyramid_;
  std::vector<Conv2d> class_tower_;
  std::vector<Conv2d> box_tower_;
  Conv2d logits_;
  Conv2d distances_;  ///< the name that the same convolution has in FcosHead
};

}  // namespace tessera
