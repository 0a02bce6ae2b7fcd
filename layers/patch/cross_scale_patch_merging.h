// Merging at several scales at once.
#pragma once

#include <vector>

#include "layers/config_problem.h"
#include "layers/layer_norm.h"
#include "layers/patch/cross_scale_conv.h"
#include "layers/patch/patch_merging.h"

namespace tessera {

/// Kernels of several sizes, 2 and 4 unless given, around each 2 x 2 neighbourhood, each with its
/// share of the C' channels, with layer norm over the C channels before them; CrossFormer,
/// arXiv:2108.00154 section 3.1 and its code. Swin v2: norm over the C' behind. See CrossScaleConv.
class CrossScalePatchMerging final : public PatchMerging {
 public:
  CrossScalePatchMerging(const ModelConfig& config, MergeChannels channels);

  static std::vector<ConfigProblem> problems(const ModelConfig& config, MergeChannels channels);

  PatchMergingPlan plan(Size2 map) const override;
  Var forward(Tape& tape, const Var& x) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  MergeChannels channels_;
  bool post_norm_;
  LayerNorm norm_;
  CrossScaleConv reductions_;
};

}  // namespace tessera
