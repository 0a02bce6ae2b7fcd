// Random changes of colour.
#pragma once

#include "core/rng.h"
#include "data/data_config.h"
#include "data/images/image.h"

namespace tessera {

/// Brightness, contrast and saturation by up to `config.color_jitter`, hue by up to
/// `config.hue_jitter`; nothing is drawn for what is off.
void jitter_colours(Image& image, const AugmentConfig& config, Rng& rng);

/// The photometric distortion of SSD (arXiv:1512.02325) as segmentation is trained with
/// (mmsegmentation): each with probability 1/2, brightness by up to 32 of 255, contrast by a factor
/// of 0.5 to 1.5 before or after the rest, saturation by such a factor, hue by up to a tenth of
/// a turn. Grey images have neither saturation nor hue.
void distort_colours(Image& image, Rng& rng);

}  // namespace tessera
