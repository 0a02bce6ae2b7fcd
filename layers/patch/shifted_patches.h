// Shifted patch tokenization, of the image and between stages: a patch together with what lies
// around it, through shifted copies of the map.
#pragma once

#include <optional>
#include <vector>

#include "core/kernels/patch_rows.h"
#include "layers/layer_norm.h"
#include "layers/linear.h"
#include "layers/model_problems.h"
#include "layers/patch/patch_embed.h"
#include "layers/patch/patch_merging.h"

namespace tessera {

/// Patches of a map, each seen where it is and then from places `shift` pixels away: diagonal
/// {-,-}, {-,+}, {+,-}, {+,+}; cardinal {-,0}, {0,-}, {0,+}, {+,0}; eight: all of these, diagonal
/// first.
struct ShiftedViews {
  Size2 patch{};
  Size2 shift{};
  ShiftDirections directions = ShiftDirections::kDiagonal;
  std::int64_t channels = 0;

  int count() const { return directions == ShiftDirections::kEight ? 9 : 5; }

  /// Values that a patch is seen as.
  std::int64_t depth() const { return count() * patch[0] * patch[1] * channels; }

  /// The ceil(H / Ph) x ceil(W / Pw) patches of a map of `size`.
  PatchGrid grid(Size2 size) const;
};

/// The image and copies of it shifted by `shift_pixels` in the given `directions` are laid one
/// after the other in the channel dimension, cut into patches, normalised (unless `norm` is false)
/// and projected: arXiv:2112.13492 section 3.1, where four diagonal shifts by half a patch are
/// used. The copies are never made: each patch is gathered from five or nine places in one pass.
///
/// The shift is half the patch, rounded down: 1 pixel for a patch of 3. A patch of 1 pixel, whose
/// half would be no shift at all, is shifted by 1: the token sees its pixel and the neighbours of
/// that. Where the patch does not divide the image, zeros fill the last one: ceil(H / Ph) x
/// ceil(W / Pw) tokens, no pixel unseen. What a shift brings in from outside is zero.
class ShiftedPatchEmbed final : public PatchEmbed {
 public:
  explicit ShiftedPatchEmbed(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  PatchEmbedPlan plan(Size2 image) const override;
  Var forward(Tape& tape, const Var& images) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  ShiftedViews views_;
  std::optional<LayerNorm> norm_;  ///< [views Ph Pw C], in the order of gathered patches
  Parameter weight_;               ///< [D, views C, Ph, Pw], as a convolution over the copies
  Parameter bias_;                 ///< [D]
};

/// What the embedding of `config` sees.
ShiftedViews patch_views(const ModelConfig& config);

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
