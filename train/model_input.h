// A photo as a network sees it.
#pragma once

#include <optional>

#include "core/tensor.h"
#include "data/images/image.h"
#include "train/train_config.h"

namespace tessera {

/// Scaled to the image size of the model of `config` and normalised as its data: [1, H, W, C].
/// What is to be answered with masks or boxes keeps its aspect: its sides fit within the model's.
/// `photo` has the model's channels. Throws ConfigError if mean and std are not one a channel.
Tensor model_input(const Image& photo, const Config& config);

/// What of a photo, of 1 or 3 channels, the model of a classifier sees: at its size, the middle of
/// it.
Image seen_image(const Image& photo, const Config& config);

/// The pixel of that image, y and x, which shows pixel y, x of the photo; nothing if it is cut off.
std::optional<Size2> seen_pixel(Size2 pixel, const ImageShape& photo, const Config& config);

/// Of a photo that becomes one: what it may be scaled down to as it is decoded (see decode_image).
ImageSize model_input_pixels(const Config& config);

}  // namespace tessera
