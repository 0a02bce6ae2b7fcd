// Images of which a part is not their own: blended with another, or erased.
#pragma once

#include "core/rng.h"
#include "core/tensor.h"
#include "data/data_config.h"
#include "data/dataset_info.h"

namespace tessera {

/// Blends image i of `images` [B, H, W, C] in place with image B - 1 - i, and returns the share
/// that each image, and so its label, keeps: mixup (arXiv:1710.09412) adds images weighted by a
/// share from Beta(mixup, mixup); cutmix (arXiv:1905.04899) exchanges a box whose area is 1 minus a
/// share from Beta(cutmix, cutmix). One draw for the batch decides whether it is mixed
/// (`mix_probability`), by which if both are on (`mix_switch`: the share of cutmix) and how far. 1
/// if nothing was done.
float mix_images(const Tensor& images, const AugmentConfig& config, Rng& rng);

/// Random erasing (arXiv:1708.04896): with probability `config.erase` overwrites a rectangle of 2
/// to 33 % of the normalised image `values` [H, W, C], height to width 1/3.3 to 3.3: by 0, which is
/// the mean colour, or by noise of mean 0 and deviation 1.
void random_erase(const ImageShape& shape, const AugmentConfig& config, Rng& rng, float* values);

}  // namespace tessera
