// Patches and neighbourhoods seen at several scales at once, of the image and between stages.
#pragma once

#include <optional>
#include <vector>

#include "layers/conv2d.h"
#include "layers/layer_norm.h"
#include "layers/model_problems.h"
#include "layers/patch/patch_embed.h"
#include "layers/patch/patch_merging.h"

namespace tessera {

/// Kernels of several sizes at one stride, their results one after the other in the channel
/// dimension; CrossFormer, arXiv:2108.00154 section 3.1. The first kernel, the smallest, gives half
/// of the channels, the next a quarter, ..., the last as many as the one before it: C/2, C/4, C/8,
/// C/8. Each keeps ceil(size / stride) places: see same_padding.
class CrossScaleConv {
 public:
  CrossScaleConv(std::int64_t in_channels, std::int64_t out_channels,
                 const std::vector<Size2>& kernels, Size2 stride);

  /// [B, H, W, in] -> [B, ceil(H / stride), ceil(W / stride), out]
  Var forward(Tape& tape, const Var& x);

  /// The convolutions are named by their index.
  void visit(ParameterVisitor& visitor, std::string_view name);

  Size2 output(Size2 size) const { return convs_.front().output(size); }
  std::int64_t macs(Size2 size) const;
  std::int64_t widest() const;  ///< values that the largest kernel sees at one place
  std::vector<Conv2d>& convs() { return convs_; }

 private:
  std::vector<Conv2d> convs_;
};

/// C/2, C/4, C/8, C/8 for four kernels; empty if `channels` cannot be split so.
std::vector<std::int64_t> cross_scale_channels(std::int64_t channels, std::size_t kernels);

/// Kernels of several sizes around each patch, each with its share of the channels, small kernels
/// with the larger shares; CrossFormer's cross-scale embedding, arXiv:2108.00154 section 3.1. Then
/// layer norm if `norm`. See CrossScaleConv.
///
/// `kernels` gives their sides, from fine to coarse; empty: 1, 2, 4 and 8 times the patch (4, 8,
/// 16, 32 as in the paper), as far as they are no larger than the image. ceil(H / Ph) x ceil(W /
/// Pw) tokens, zeros outside the image, no pixel unseen.
class CrossScalePatchEmbed final : public PatchEmbed {
 public:
  explicit CrossScalePatchEmbed(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  PatchEmbedPlan plan(Size2 image) const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  std::int64_t channels_;
  CrossScaleConv projs_;
  std::optional<LayerNorm> norm_;
};

/// The kernels of the embedding of `config`.
std::vector<Size2> cross_scale_kernels(const ModelConfig& config);

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
