#include "data/augment/pixel_ops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tessera {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<std::int64_t, 256>;

/// A table of `value(v)` for every v.
template <typename Value>
Table table_of(const Value& value) {
  Table table{};
  for (int v = 0; v < 256; ++v) table[static_cast<std::size_t>(v)] = value(v);
  return table;
}

std::uint8_t clamped(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

/// Pillow blends in single precision and cuts the fraction off.
std::uint8_t blend(std::uint8_t other, std::uint8_t value, float factor) {
  const auto from = static_cast<float>(other);
  const float blended = from + factor * (static_cast<float>(value) - from);
  return static_cast<std::uint8_t>(std::clamp(blended, 0.0f, 255.0f));
}

void map_values(const Table& table, Image& image) {
  for (std::uint8_t& value : image.pixels) value = table[value];
}

/// Applies a table of its own to each channel, made from the channel's histogram.
template <typename MakeTable>
void apply_by_channel(Image& image, const MakeTable& make_table) {
  const auto channels = static_cast<std::size_t>(image.shape.channels);
  for (std::size_t c = 0; c < channels; ++c) {
    Histogram histogram{};
    for (std::size_t at = c; at < image.pixels.size(); at += channels) {
      ++histogram[image.pixels[at]];
    }
    const Table table = make_table(histogram);
    for (std::size_t at = c; at < image.pixels.size(); at += channels) {
      image.pixels[at] = table[image.pixels[at]];
    }
  }
}

/// ITU-R 601 luma, rounded, in 16 bits of fraction.
std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >>
                                   16);
}

/// The rounded mean of the grey image.
std::uint8_t mean_grey(const Image& image) {
  const auto step = static_cast<std::size_t>(image.shape.channels);
  std::int64_t sum = 0;
  for (std::size_t at = 0; at < image.pixels.size(); at += step) {
    sum += step == 3 ? luma(&image.pixels[at]) : image.pixels[at];
  }
  const auto count = static_cast<double>(image.pixels.size() / step);
  return static_cast<std::uint8_t>(static_cast<double>(sum) / count + 0.5);
}

}  // namespace

void adjust_brightness(Image& image, double factor) {
  const auto f = static_cast<float>(factor);
  map_values(table_of([f](int v) { return blend(0, static_cast<std::uint8_t>(v), f); }), image);
}

void adjust_contrast(Image& image, double factor) {
  const auto f = static_cast<float>(factor);
  const std::uint8_t grey = mean_grey(image);
  map_values(table_of([&](int v) { return blend(grey, static_cast<std::uint8_t>(v), f); }), image);
}

void adjust_saturation(Image& image, double factor) {
  if (image.shape.channels != 3) return;
  const auto f = static_cast<float>(factor);
  for (std::size_t at = 0; at < image.pixels.size(); at += 3) {
    std::uint8_t* rgb = &image.pixels[at];
    const std::uint8_t grey = luma(rgb);
    for (std::size_t c = 0; c < 3; ++c) rgb[c] = blend(grey, rgb[c], f);
  }
}

void adjust_sharpness(Image& image, double factor) {
  // The other image is smoothed by the 3 x 3 kernel of ones with a 5 in the middle; its border is
  // the image's.
  const auto f = static_cast<float>(factor);
  const auto channels = static_cast<std::size_t>(image.shape.channels);
  const auto height = static_cast<std::size_t>(image.shape.height);
  const std::size_t row = static_cast<std::size_t>(image.shape.width) * channels;
  const std::vector<std::uint8_t> in = image.pixels;
  for (std::size_t y = 1; y + 1 < height; ++y) {
    for (std::size_t x = channels; x + channels < row; ++x) {
      const std::uint8_t* middle = &in[y * row + x];
      int sum = 4 * *middle;
      for (const std::uint8_t* line : {middle - row, middle, middle + row}) {
        sum += *(line - channels) + *line + *(line + channels);
      }
      const auto smooth = static_cast<std::uint8_t>(static_cast<float>(sum) / 13.0f + 0.5f);
      image.pixels[y * row + x] = blend(smooth, *middle, f);
    }
  }
}

void adjust_hue(Image& image, double turns) {
  if (image.shape.channels != 3) return;
  for (std::size_t at = 0; at < image.pixels.size(); at += 3) {
    std::uint8_t* rgb = &image.pixels[at];
    const int high = std::max({rgb[0], rgb[1], rgb[2]});
    const int low = std::min({rgb[0], rgb[1], rgb[2]});
    const double chroma = high - low;
    if (high == low) continue;
    double hue = 0.0;  // in sixths of a turn
    if (rgb[0] == high) {
      hue = (rgb[1] - rgb[2]) / chroma;
    } else if (rgb[1] == high) {
      hue = 2.0 + (rgb[2] - rgb[0]) / chroma;
    } else {
      hue = 4.0 + (rgb[0] - rgb[1]) / chroma;
    }
    hue += 6.0 * turns;
    // A channel is high within a sixth of its own hue, low beyond two sixths, linear between.
    for (std::size_t c = 0; c < 3; ++c) {
      const double distance = std::abs(std::remainder(hue - 2.0 * static_cast<double>(c), 6.0));
      const double share = std::clamp(2.0 - distance, 0.0, 1.0);
      rgb[c] = clamped(static_cast<int>(std::lround(low + chroma * share)));
    }
  }
}

void autocontrast(Image& image) {
  apply_by_channel(image, [](const Histogram& histogram) {
    int low = 0, high = 255;
    while (low < 255 && histogram[static_cast<std::size_t>(low)] == 0) ++low;
    while (high > 0 && histogram[static_cast<std::size_t>(high)] == 0) --high;
    if (high <= low) return table_of(clamped);
    const double scale = 255.0 / (high - low);
    const double offset = -low * scale;
    return table_of([&](int v) { return clamped(static_cast<int>(v * scale + offset)); });
  });
}

void equalize(Image& image) {
  apply_by_channel(image, [](const Histogram& histogram) {
    std::int64_t total = 0, last = 0;
    for (const std::int64_t count : histogram) {
      total += count;
      if (count > 0) last = count;
    }
    const std::int64_t step = (total - last) / 255;
    if (step == 0) return table_of(clamped);
    std::int64_t below = step / 2;
    return table_of([&](int v) {
      const auto value = static_cast<int>(std::min<std::int64_t>(below / step, 255));
      below += histogram[static_cast<std::size_t>(v)];
      return clamped(value);
    });
  });
}

void invert(Image& image) {
  map_values(table_of([](int v) { return clamped(255 - v); }), image);
}

void posterize(Image& image, int bits) {
  const int mask = 0xff & ~((1 << (8 - bits)) - 1);
  map_values(table_of([mask](int v) { return clamped(v & mask); }), image);
}

void solarize(Image& image, int threshold) {
  map_values(table_of([threshold](int v) { return clamped(v < threshold ? v : 255 - v); }), image);
}

void solarize_add(Image& image, int amount) {
  map_values(table_of([amount](int v) { return clamped(v < 128 ? v + amount : v); }), image);
}

namespace {

/// Adds to every value.
void add_brightness(Image& image, float amount) {
  for (std::uint8_t& value : image.pixels) {
    const float sum = static_cast<float>(value) + amount;
    value = static_cast<std::uint8_t>(std::clamp(sum, 0.0f, 255.0f));
  }
}

/// Multiplies the saturation of HSV, up to the pure colour; hue and value stay.
void scale_saturation(Image& image, float factor) {
  if (image.shape.channels != 3) return;
  for (std::size_t at = 0; at < image.pixels.size(); at += 3) {
    std::uint8_t* rgb = &image.pixels[at];
    const auto high = static_cast<float>(std::max({rgb[0], rgb[1], rgb[2]}));
    const auto low = static_cast<float>(std::min({rgb[0], rgb[1], rgb[2]}));
    if (high == low) continue;
    const float scale = std::min(factor, high / (high - low));
    for (std::size_t c = 0; c < 3; ++c) {
      const float value = high - (high - static_cast<float>(rgb[c])) * scale;
      rgb[c] = static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0f, 255.0f)));
    }
  }
}

}  // namespace

void jitter_colours(Image& image, const AugmentConfig& config, Rng& rng) {
  const auto factor = [&] {
    const auto reach = static_cast<float>(config.color_jitter);
    return double{rng.uniform(std::max(0.0f, 1.0f - reach), 1.0f + reach)};
  };
  if (config.color_jitter > 0.0) {
    adjust_brightness(image, factor());
    adjust_contrast(image, factor());
    adjust_saturation(image, factor());
  }
  if (config.hue_jitter > 0.0) {
    const auto reach = static_cast<float>(config.hue_jitter);
    adjust_hue(image, double{rng.uniform(-reach, reach)});
  }
}

void distort_colours(Image& image, Rng& rng) {
  constexpr float kBrightness = 32.0f, kLeast = 0.5f, kMost = 1.5f, kHue = 18.0f / 180.0f;
  const auto happens = [&] { return rng.below(2) == 1; };
  // A factor of all values is a blend with black.
  const auto contrast = [&] {
    if (happens()) adjust_brightness(image, double{rng.uniform(kLeast, kMost)});
  };
  if (happens()) add_brightness(image, rng.uniform(-kBrightness, kBrightness));
  const bool contrast_first = happens();
  if (contrast_first) contrast();
  if (happens()) scale_saturation(image, rng.uniform(kLeast, kMost));
  if (happens()) adjust_hue(image, double{rng.uniform(-kHue, kHue)});
  if (!contrast_first) contrast();
}

}  // namespace tessera
