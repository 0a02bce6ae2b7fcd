// Masks and boxes for people to look at.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/images/canvas.h"
#include "data/sample.h"

namespace tessera {

/// Told apart from its neighbours by hue and lightness; the same for a class wherever it is drawn.
Color class_color(std::int64_t label);

/// 3 channels of an image of 1 or 3.
Image in_colors(const ImageView& image);

/// The classes over an image of 3 channels, as far as the mask shows of it; what is ignored is
/// darkened. `opacity` 1 leaves nothing of the image.
Image with_mask(Image image, const Mask& mask, double opacity = 0.5);

/// Outlines in the colours of classes, those of crowds thin; with the names beside them if there
/// are any.
Image with_boxes(const Image& image, std::span<const Box> boxes,
                 const std::vector<std::string>& names = {});

}  // namespace tessera
