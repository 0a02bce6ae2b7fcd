// Rectangles taken out of images.
#pragma once

#include "core/rng.h"
#include "data/data_config.h"
#include "data/dataset_info.h"

namespace tessera {

/// Random erasing (arXiv:1708.04896): with probability `config.erase` overwrites a rectangle of 2
/// to 33 % of the normalised image `values` [H, W, C], height to width 1/3.3 to 3.3: by 0, which is
/// the mean colour, or by noise of mean 0 and deviation 1.
void random_erase(const ImageShape& shape, const AugmentConfig& config, Rng& rng, float* values);

}  // namespace tessera
