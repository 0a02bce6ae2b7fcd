// Images and masks shifted, sheared and turned.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "data/sample.h"

namespace tessera {

/// What the result shows at (x, y) lies at (a x + b y + c, d x + e y + f) of the image: {a, ...,
/// f}, x to the right, y downwards, pixels from the corner at (0, 0).
using Affine = std::array<double, 6>;

/// Turns counter-clockwise about the middle of an image.
Affine rotation(const ImageShape& shape, double degrees);

/// The image seen through `map`, in its own size, bilinear as Pillow's Image.transform; `fill` is
/// the colour beyond its border, one value a channel.
Image warp(const Image& image, const Affine& map, std::span<const std::uint8_t> fill);

/// The same of a mask, by the nearest pixel; kIgnored beyond its border.
Mask warp(const Mask& mask, const Affine& map);

}  // namespace tessera
