// Placements that bring images to the size of a model.
#pragma once

#include <span>

#include "core/rng.h"
#include "data/augment/placement.h"
#include "data/data_config.h"

namespace tessera {

/// Nothing is to be done to bring it to `shape`.
bool fits(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config);

/// The least scale at which an image covers `shape` / `test_crop`.
double cover_scale(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config);

/// Scaled until it just covers `shape` / `test_crop`, aspect kept; cut before where it is more than
/// eight times as long as that, so that it cannot ask for boundless memory.
Placement covering(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config);

/// The middle of `covering`, of the size of `shape`; an image that `fits` as it is.
Placement fitted(const ImageShape& image, const ImageShape& shape, const ResizeConfig& config);

/// What classification is trained on: a random resized crop or `fitted`, moved by up to
/// `crop_padding` pixels, mirrored. Draws in this order, and only for what is switched on.
Placement draw_placement(const ImageShape& image, const ImageShape& shape,
                         const AugmentConfig& augment, const ResizeConfig& config, Rng& rng);

/// Scaled by `factor` times what makes its longer side the longer side of `base` at most and its
/// shorter side the shorter one, aspect kept.
Placement within(const ImageShape& image, const ImageShape& base, double factor = 1.0);

/// What dense prediction is trained on: `within` by a random factor, smaller on a canvas of that
/// size by zoom_out, a crop of it, mirrored; never larger than `crop`. Of up to ten crops the first
/// is taken that leaves `mask` more than one class and none of more than `class_share` of its
/// pixels or, where there are `boxes`, the middle of one; else the last.
Placement draw_dense_placement(const ImageShape& image, const Target& target,
                               const ImageShape& base, const AugmentConfig& augment, Rng& rng);

}  // namespace tessera
