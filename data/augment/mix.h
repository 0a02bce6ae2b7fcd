// Batches whose images are blends of two.
#pragma once

#include "core/rng.h"
#include "core/tensor.h"
#include "data/data_config.h"

namespace tessera {

/// Blends image i of `images` [B, H, W, C] in place with image B - 1 - i, and returns the share
/// that each image, and so its label, keeps: mixup (arXiv:1710.09412) adds images weighted by a
/// share from Beta(mixup, mixup); cutmix (arXiv:1905.04899) exchanges a box whose area is 1 minus a
/// share from Beta(cutmix, cutmix). One draw for the batch decides whether it is mixed
/// (`mix_probability`), by which if both are on (`mix_switch`: the share of cutmix) and how far. 1
/// if nothing was done.
float mix_images(const Tensor& images, const AugmentConfig& config, Rng& rng);

}  // namespace tessera
