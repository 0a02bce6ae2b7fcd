// Shifted patch tokenization between stages.
#pragma once

#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/patch/patch_merging.h"
#include "layers/patch/shifted_views.h"

namespace tessera {

/// Each 2 x 2 neighbourhood together with those one token away in the given `directions`,
/// concatenated, normalised and projected without bias: 20C (or 36C for eight) -> C';
/// arXiv:2112.13492 section 3.1, as its authors merge in Swin. Swin v2 projects first and
/// normalises the C'.
class ShiftedPatchMerging final : public PatchMerging {
 public:
  ShiftedPatchMerging(const ModelConfig& config, MergeChannels channels);

  PatchMergingPlan plan(Size2 map) const override;
  Var forward(Tape& tape, const Var& x) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  ShiftedViews views_;
  bool post_norm_;
  LayerNorm norm_;  ///< before the projection [views 2 2 C], in the order of gathered patches
  Linear reduction_;
};

/// What a merging of `channels` channels sees.
ShiftedViews merging_views(const ModelConfig& config, std::int64_t channels);

}  // namespace tessera
