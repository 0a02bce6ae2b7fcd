// Shifted patch tokenization: a patch together with what lies around it, through shifted copies of
// the image.
#pragma once

#include <optional>
#include <vector>

#include "layers/config_problem.h"
#include "layers/layer_norm.h"
#include "layers/patch/patch_embed.h"
#include "layers/patch/shifted_views.h"

namespace tessera {

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

}  // namespace tessera
