// Swin's patch merging.
#pragma once

#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/patch/patch_merging.h"

namespace tessera {

/// Concatenates each 2 x 2 neighbourhood, normalises it and projects 4C -> C' without bias,
/// arXiv:2103.14030 section 3.1; Swin v2 projects first and normalises the C' (arXiv:2111.09883,
/// its code).
class LinearPatchMerging final : public PatchMerging {
 public:
  LinearPatchMerging(const ModelConfig& config, MergeChannels channels);

  PatchMergingPlan plan(Size2 map) const override;
  Var forward(Tape& tape, const Var& x) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  bool post_norm_;
  LayerNorm norm_;
  Linear reduction_;
};

}  // namespace tessera
