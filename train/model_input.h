// A photo as a network sees it.
#pragma once

#include "core/tensor.h"
#include "data/images/image.h"
#include "train/train_config.h"

namespace tessera {

/// Scaled to the image size of the model of `config` and normalised as its data: [1, H, W, C].
/// `photo` has the model's channels. Throws ConfigError if mean and std are not one a channel.
Tensor model_input(const Image& photo, const Config& config);

}  // namespace tessera
