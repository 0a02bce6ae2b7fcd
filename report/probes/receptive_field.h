// What a part of a network sees: gradients to the pixels, and how far a token sees, after the
// embedding and after every stage.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "layers/model.h"

namespace tessera::report {

/// d(sum(weights * y))/d(images), [B, H, W, C], for `y = forward(tape, images)`; `weights` has the
/// shape of y. The model's parameters must be frozen, and its dropout and drop path off.
Tensor pixel_gradient(const Tensor& images, const std::function<Var(Tape&, const Var&)>& forward,
                      const std::function<Tensor(const Shape&)>& weights);

struct ReceptiveField {
  std::string name;  ///< `embedding`, `stage 0`, ...
  Tensor strength;   ///< [H, W] f32: root mean square of the gradient, the largest is 1
  Size2 token{};     ///< row and column of the token in its map
  Size2 cell{};      ///< pixels that a token of its map stands for

  /// Share of the squared strength in each distance, whole pixels, from the token's middle or less.
  std::vector<double> share_within() const;

  /// The distance within which half of it lies.
  double half_radius() const;
};

/// The gradient of the token in the middle of the image, of each map, to the pixels,
/// arXiv:1701.04128: as root of the mean square over `images` [B, H, W, C], over the token's
/// channels and those of the pixels. The mean over the token's channels is taken by random signs,
/// one draw an image. Parameters must be frozen, dropout and drop path off.
std::vector<ReceptiveField> receptive_fields(Model& model, const Tensor& images);

}  // namespace tessera::report
