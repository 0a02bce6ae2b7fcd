// From an image to a map of tokens: the one interface of all patch embeddings.
#pragma once

#include <optional>

#include "core/tape.h"
#include "layers/model_config.h"

namespace tessera {

/// What an embedding makes of one image; known before any memory is taken.
struct PatchEmbedPlan {
  Size2 map{};              ///< tokens
  Size2 unused_pixels{};    ///< at the right and bottom: no token sees them
  std::int64_t macs = 0;    ///< multiply-adds
  std::int64_t saved = 0;   ///< values that a training step saves, beside image and tokens
  std::int64_t widest = 0;  ///< values that its largest kernel sees at one place
};

class PatchEmbed {
 public:
  virtual ~PatchEmbed() = default;

  /// Of an image of any size.
  virtual PatchEmbedPlan plan(Size2 image) const = 0;

  /// images [B, H, W, C] -> tokens [B, h, w, D], where {h, w} is plan({H, W}).map
  virtual Var forward(Tape& tape, const Var& images) = 0;

  virtual void visit(ParameterVisitor& visitor) = 0;

  /// From now on the patch is one of `model.patch_sizes`, drawn by `rng`; without one it is
  /// `model.patch_size`. Of embeddings of one size it is that anyway.
  virtual void draw_size(std::optional<Rng> /*rng*/) {}
};

}  // namespace tessera
