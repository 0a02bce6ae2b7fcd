#include "report/filter_picture.h"

#include <algorithm>
#include <cmath>

namespace tessera::report {
namespace {

/// One channel through the signed colours; of three, each is a colour of light around grey.
Picture filter_picture(const Tensor& kernel) {
  const std::int64_t channels = kernel.dim(2);
  const auto unit = double{largest_magnitude(kernel)};
  if (channels != 3) {
    Tensor mean = Tensor::zeros({kernel.dim(0), kernel.dim(1)});
    for (std::int64_t i = 0; i < kernel.numel(); ++i) {
      mean.f32()[i / channels] += kernel.f32()[i] / static_cast<float>(channels);
    }
    return picture_of(mean.span(), kernel.dim(1), unit, signed_color);
  }
  Picture picture(kernel.dim(0), kernel.dim(1));
  const auto light = [&](float value) {
    const double share = unit > 0.0 ? double{value} / unit : 0.0;
    return static_cast<std::uint8_t>(std::lround(127.5 + 127.0 * share));
  };
  for (std::int64_t i = 0; i < kernel.dim(0) * kernel.dim(1); ++i) {
    const float* rgb = kernel.f32() + 3 * i;
    picture.set(i / kernel.dim(1), i % kernel.dim(1),
                {light(rgb[0]), light(rgb[1]), light(rgb[2]), 255});
  }
  return picture;
}

}  // namespace

float largest_magnitude(const Tensor& tensor) {
  float largest = 0.0f;
  for (const float value : tensor.span()) largest = std::max(largest, std::abs(value));
  return largest;
}

Tensor kernel_of(const Tensor& kernels, std::int64_t i) {
  const Shape shape{kernels.dim(1), kernels.dim(2), kernels.dim(3)};
  return kernels.slice(i * shape.numel(), shape);
}

Picture filter_mosaic(const Tensor& kernels) {
  std::vector<Picture> tiles;
  for (std::int64_t i = 0; i < std::min(kernels.dim(0), kMostFilters); ++i) {
    tiles.push_back(filter_picture(kernel_of(kernels, i)));
  }
  return mosaic(tiles, kFilterColumns, kFilterWidth);
}

}  // namespace tessera::report
