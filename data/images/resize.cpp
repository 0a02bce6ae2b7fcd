#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "core/error.h"
#include "data/images/image.h"

namespace tessera {
namespace {

// Weights are fixed point: the sum of 255 times all weights and a half stays within 31 bits, also
// with the negative ones of bicubic.
constexpr int kBits = 22;

/// The input pixels one output pixel is made of, and their weights, which sum to one.
struct Taps {
  std::int64_t first = 0;
  std::vector<std::int32_t> weights;
};

/// The filter at a distance from its middle, in steps.
double filter(Interpolation interpolation, double distance) {
  const double x = std::abs(distance);
  if (interpolation == Interpolation::kBilinear) return std::max(0.0, 1.0 - x);
  constexpr double a = -0.5;  // Keys 1981
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

std::vector<Taps> taps_of(std::int64_t in, std::int64_t out, Interpolation interpolation) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double step = std::max(1.0, scale);
  const double support = interpolation == Interpolation::kBilinear ? step : 2.0 * step;
  std::vector<Taps> taps(static_cast<std::size_t>(out));
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double center = (static_cast<double>(i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(0, static_cast<std::int64_t>(center - support + 0.5));
    const auto last = std::min(in, static_cast<std::int64_t>(center + support + 0.5));
    std::vector<double> weights;
    double sum = 0.0;
    for (std::int64_t x = first; x < last; ++x) {
      weights.push_back(filter(interpolation, (static_cast<double>(x) - center + 0.5) / step));
      sum += weights.back();
    }
    taps[i].first = first;
    for (const double weight : weights) {
      taps[i].weights.push_back(
          static_cast<std::int32_t>(std::lround(weight / sum * (1 << kBits))));
    }
  }
  return taps;
}

/// Resizes the middle axis of [outer, taps, inner].
std::vector<std::uint8_t> resize_axis(std::span<const std::uint8_t> input, std::int64_t outer,
                                      std::int64_t in, std::int64_t out, std::int64_t inner,
                                      Interpolation interpolation) {
  if (in == out) return {input.begin(), input.end()};
  const std::vector<Taps> taps = taps_of(in, out, interpolation);
  std::vector<std::uint8_t> output(static_cast<std::size_t>(outer * out * inner));
  std::vector<std::int32_t> sums(static_cast<std::size_t>(inner));
  std::uint8_t* to = output.data();
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const Taps& tap : taps) {
      std::fill(sums.begin(), sums.end(), 1 << (kBits - 1));
      const std::uint8_t* from = input.data() + (o * in + tap.first) * inner;
      for (const std::int32_t weight : tap.weights) {
        for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += weight * from[i];
        from += inner;
      }
      for (const std::int32_t sum : sums) {
        *to++ = static_cast<std::uint8_t>(std::clamp(sum >> kBits, 0, 255));
      }
    }
  }
  return output;
}

}  // namespace

Image resize(const ImageView& image, std::int64_t height, std::int64_t width,
             Interpolation interpolation) {
  if (height < 1 || width < 1) fail<DataError>("[resize] to {} x {} pixels", height, width);
  const ImageShape& shape = image.shape;
  const std::vector<std::uint8_t> wide =
      resize_axis(image.pixels, shape.height, shape.width, width, shape.channels, interpolation);
  return {{height, width, shape.channels},
          resize_axis(wide, 1, shape.height, height, width * shape.channels, interpolation)};
}

}  // namespace tessera
