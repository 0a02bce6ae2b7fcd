// The UPerNet head of semantic segmentation.
#pragma once

#include "layers/heads/dense_head.h"

namespace tessera {

/// arXiv:1807.10221 section 3.1: the last map pooled into grids of `pool_scales`, which are
/// enlarged and joined with it (the pyramid pooling of arXiv:1612.01105); from there down a sum
/// with a projection of every finer map; a convolution on each sum; all joined at the finest map.
/// Layers are those of mmsegmentation's UPerHead.
class UperNetHead final : public DenseHead {
 public:
  explicit UperNetHead(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

 private:
  Var features(Tape& tape, std::span<const StageMap> maps) override;
  HeadPlan features_plan(std::span<const MapShape> maps) const override;
  void visit_features(ParameterVisitor& visitor) override;

  Var pool(Tape& tape, const Var& x);

  std::vector<std::int64_t> scales_;
  std::vector<ConvNorm> pools_;     ///< one a scale
  ConvNorm bottleneck_;             ///< of the map with its pooled ones
  std::vector<ConvNorm> laterals_;  ///< of all stages but the last
  std::vector<ConvNorm> smooths_;   ///< likewise
  ConvNorm fuse_;
};

}  // namespace tessera
