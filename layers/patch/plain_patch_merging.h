// The mergings by one projection: Swin's own, and one that overlaps.
#pragma once

#include "layers/conv2d.h"
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

/// A convolution of stride 2 whose kernel, 3 unless given, reaches beyond the 2 x 2 neighbourhood,
/// as between the stages of CvT (arXiv:2103.15808) and PVT v2 (arXiv:2106.13797), with layer norm
/// over the C channels before it; Swin v2: over the C' behind it. Padding as same_padding has it.
class ConvPatchMerging final : public PatchMerging {
 public:
  ConvPatchMerging(const ModelConfig& config, MergeChannels channels);

  PatchMergingPlan plan(Size2 map) const override;
  Var forward(Tape& tape, const Var& x) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  MergeChannels channels_;
  bool post_norm_;
  LayerNorm norm_;
  Conv2d reduction_;
};

}  // namespace tessera
