// Where the pixels of an image come to lie: drawn once, applied to all that belongs to the image.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "data/augment/affine.h"
#include "data/augment/crop.h"
#include "data/data_config.h"
#include "data/sample.h"

namespace tessera {

/// In this order: a part of the image is scaled, a part of that is put onto a canvas, which may
/// show less of it or more than it has; mirrored; shifted, sheared and turned.
struct Placement {
  CropBox part;      ///< of the image
  ImageSize scaled;  ///< of the part
  CropBox cut;       ///< of the scaled part
  ImageSize canvas;
  std::int64_t top = 0;  ///< of the cut on the canvas; may be negative
  std::int64_t left = 0;
  bool flip = false;
  std::optional<Affine> affine;  ///< of the canvas in its own size

  /// Leaves everything where it is.
  static Placement identity(const ImageSize& image);

  /// All of an image, or a part of it, at another size.
  static Placement scaling(const CropBox& part, const ImageSize& size);
};

/// What becomes of a box that reaches beyond the canvas.
enum class CutBoxes : std::uint8_t {
  kVisible,  ///< it stays, cut, if any of it can be seen
  kCentred,  ///< it stays, cut, if its middle can be seen; of a crowd as for kVisible
};

/// `fill` is the colour of what the image does not cover, one value a channel; empty: black.
Image place(const ImageView& image, const Placement& placement, Interpolation interpolation,
            std::span<const std::uint8_t> fill = {});

/// By the nearest pixel; kIgnored where there is none.
Mask place(const Mask& mask, const Placement& placement);

/// Moved and cut to the canvas; those without area left out. An object's own area shrinks with its
/// box.
std::vector<Box> place(std::span<const Box> boxes, const Placement& placement,
                       CutBoxes rule = CutBoxes::kVisible);

}  // namespace tessera
