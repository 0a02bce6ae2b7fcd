#include "data/augment/affine.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>

namespace tessera {
namespace {

/// Channel values at (x, y), pixel centres at halves; the image goes on with its border's colour
/// for the half pixel up to its edge.
void sample(const Image& image, double x, double y, std::uint8_t* out) {
  const ImageShape& shape = image.shape;
  const double left = std::floor(x - 0.5), top = std::floor(y - 0.5);
  const double dx = x - 0.5 - left, dy = y - 0.5 - top;
  const auto at = [&](double row, double column) {
    const auto r = std::clamp<std::int64_t>(static_cast<std::int64_t>(row), 0, shape.height - 1);
    const auto c = std::clamp<std::int64_t>(static_cast<std::int64_t>(column), 0, shape.width - 1);
    return image.pixels.data() + (r * shape.width + c) * shape.channels;
  };
  const std::uint8_t* const corners[] = {at(top, left), at(top, left + 1), at(top + 1, left),
                                         at(top + 1, left + 1)};
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    const auto mix = [&](int first, int second) {
      const double from = corners[first][c];
      return from + dx * (corners[second][c] - from);
    };
    const double above = mix(0, 1);
    out[c] = static_cast<std::uint8_t>(above + dy * (mix(2, 3) - above));
  }
}

}  // namespace

Affine rotation(const ImageShape& shape, double degrees) {
  const double angle = -degrees * std::numbers::pi / 180.0;
  const double cosine = std::cos(angle), sine = std::sin(angle);
  const double x = static_cast<double>(shape.width) / 2.0;
  const double y = static_cast<double>(shape.height) / 2.0;
  return {cosine, sine, x - cosine * x - sine * y, -sine, cosine, y + sine * x - cosine * y};
}

Image warp(const Image& image, const Affine& map, std::span<const std::uint8_t> fill) {
  const auto [a, b, c, d, e, f] = map;
  const auto width = static_cast<double>(image.shape.width);
  const auto height = static_cast<double>(image.shape.height);
  Image result{image.shape, std::vector<std::uint8_t>(image.pixels.size())};
  std::uint8_t* out = result.pixels.data();
  for (std::int64_t row = 0; row < image.shape.height; ++row) {
    for (std::int64_t column = 0; column < image.shape.width; ++column) {
      const double px = static_cast<double>(column) + 0.5, py = static_cast<double>(row) + 0.5;
      const double x = a * px + b * py + c, y = d * px + e * py + f;
      if (x >= 0.0 && x < width && y >= 0.0 && y < height) {
        sample(image, x, y, out);
      } else {
        std::copy(fill.begin(), fill.end(), out);
      }
      out += image.shape.channels;
    }
  }
  return result;
}

Mask warp(const Mask& mask, const Affine& map) {
  const auto [a, b, c, d, e, f] = map;
  Mask result{mask.height, mask.width, std::vector<std::uint8_t>(mask.classes.size(), kIgnored)};
  std::uint8_t* out = result.classes.data();
  for (std::int64_t row = 0; row < mask.height; ++row) {
    for (std::int64_t column = 0; column < mask.width; ++column, ++out) {
      const double px = static_cast<double>(column) + 0.5, py = static_cast<double>(row) + 0.5;
      const double x = a * px + b * py + c, y = d * px + e * py + f;
      const bool is_inside = x >= 0.0 && x < static_cast<double>(mask.width) && y >= 0.0 &&
                             y < static_cast<double>(mask.height);
      if (!is_inside) continue;
      const auto at = static_cast<std::int64_t>(y) * mask.width + static_cast<std::int64_t>(x);
      *out = mask.classes[static_cast<std::size_t>(at)];
    }
  }
  return result;
}

}  // namespace tessera
