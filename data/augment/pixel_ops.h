// Changes of colour that keep every pixel in its place, with the arithmetic of Pillow's ImageOps
// and ImageEnhance (the same bytes come out), and random ones of them.
#pragma once

#include "core/rng.h"
#include "data/data_config.h"
#include "data/images/image.h"

namespace tessera {

/// A blend with black, with the mean grey, with the grey image, with the smoothed image: `factor` 1
/// changes nothing, 0 gives the other image, above 1 moves away from it. Grey images have no
/// saturation to change.
void adjust_brightness(Image& image, double factor);
void adjust_contrast(Image& image, double factor);
void adjust_saturation(Image& image, double factor);
void adjust_sharpness(Image& image, double factor);

/// Turns the hue of an RGB image by `turns` of the colour circle, in [-0.5, 0.5].
void adjust_hue(Image& image, double turns);

/// Stretches each channel to all of 0 to 255.
void autocontrast(Image& image);

/// Spreads each channel so that values are equally frequent.
void equalize(Image& image);

void invert(Image& image);

/// Keeps the highest `bits` of each value, 0 to 8.
void posterize(Image& image, int bits);

/// Inverts values of at least `threshold`, 0 to 256.
void solarize(Image& image, int threshold);

/// Adds to values below 128.
void solarize_add(Image& image, int amount);

/// Brightness, contrast and saturation by up to `config.color_jitter`, hue by up to
/// `config.hue_jitter`; nothing is drawn for what is off.
void jitter_colours(Image& image, const AugmentConfig& config, Rng& rng);

/// The photometric distortion of SSD (arXiv:1512.02325) as segmentation is trained with
/// (mmsegmentation): each with probability 1/2, brightness by up to 32 of 255, contrast by a factor
/// of 0.5 to 1.5 before or after the rest, saturation by such a factor, hue by up to a tenth of
/// a turn. Grey images have neither saturation nor hue.
void distort_colours(Image& image, Rng& rng);

}  // namespace tessera
