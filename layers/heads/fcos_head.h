// The head of object detection.
#pragma once

#include <cstdint>
#include <vector>

#include "layers/heads/conv_norm.h"
#include "layers/heads/feature_pyramid.h"
#include "layers/model_problems.h"

namespace tessera {

/// The levels of a detector, fine to coarse.
struct FcosLevels {
  std::vector<std::int64_t> strides;  ///< pixels, each twice the one before
  std::vector<std::size_t> stages;    ///< of the backbone, which give the first of them
  std::int64_t extra = 0;             ///< levels behind those
  std::vector<double> bounds;         ///< pixels, one between two levels: how far the farthest side
                                      ///< of a box may be for a level to find it

  std::size_t count() const { return strides.size(); }
};

/// Of a configuration whose head has no problems.
FcosLevels fcos_levels(const ModelConfig& config);

/// What a detector puts out for one level.
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
  FcosLevels levels_;
  FeaturePyramid pyramid_;
  std::vector<ConvNorm> class_tower_;
  std::vector<ConvNorm> box_tower_;
  Conv2d logits_;
  Conv2d distances_;
  Conv2d centreness_;
  std::vector<Parameter> scales_;  ///< [1] a level, or none
};

}  // namespace tessera
