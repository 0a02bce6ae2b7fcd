#include "report/probes/embedding_filters.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <numeric>

#include "layers/patch/patch_embed.h"
#include "report/probes/receptive_field.h"

namespace tessera::report {
namespace {

constexpr std::int64_t kChunk = 32;  // channels a backward pass

/// Kernels [D, H, W, C] over the whole image.
Tensor whole_kernels(Model& model, const Tensor& at) {
  const std::int64_t channels = model.config().embed_dim, pixels = at.numel();
  PatchEmbed& embed = model.backbone().patch_embed();
  const auto forward = [&](Tape& tape, const Var& x) { return embed.forward(tape, x); };
  Tensor kernels = Tensor::empty({channels, at.dim(0), at.dim(1), at.dim(2)});
  for (std::int64_t begin = 0; begin < channels; begin += kChunk) {
    const std::int64_t count = std::min(kChunk, channels - begin);
    Tensor images = Tensor::empty({count, at.dim(0), at.dim(1), at.dim(2)});
    for (std::int64_t i = 0; i < count; ++i) images.slice(i * pixels, at.shape()).copy_from(at);
    const auto one_channel_each = [&](const Shape& shape) {  // [count, h, w, D]
      Tensor weights = Tensor::zeros(shape);
      const std::int64_t token = shape[1] / 2 * shape[2] + shape[2] / 2;
      for (std::int64_t i = 0; i < count; ++i) {
        weights.f32()[(i * shape[1] * shape[2] + token) * shape[3] + begin + i] = 1.0f;
      }
      return weights;
    };
    const Tensor gradient = pixel_gradient(images, forward, one_channel_each);
    kernels.slice(begin * pixels, gradient.shape()).copy_from(gradient);
  }
  return kernels;
}

struct Support {
  std::int64_t top, left, bottom, right;
};

/// The smallest box that holds every value worth mention.
Support support(const Tensor& kernels) {
  const std::span<const float> values = kernels.span();
  float largest = 0.0f;
  for (const float value : values) largest = std::max(largest, std::abs(value));
  const std::int64_t height = kernels.dim(1), width = kernels.dim(2), channels = kernels.dim(3);
  Support box{height, width, 0, 0};
  for (std::int64_t i = 0; i < kernels.numel(); ++i) {
    if (std::abs(kernels.f32()[i]) <= 1e-6f * largest) continue;
    const std::int64_t pixel = i / channels % (height * width);
    box.top = std::min(box.top, pixel / width);
    box.left = std::min(box.left, pixel % width);
    box.bottom = std::max(box.bottom, pixel / width + 1);
    box.right = std::max(box.right, pixel % width + 1);
  }
  return box.bottom == 0 ? Support{0, 0, 1, 1} : box;
}

double energy(std::span<const float> values) {
  return std::inner_product(values.begin(), values.end(), values.begin(), 0.0);
}

/// exp(-2 pi i y f / n) for y in [0, length) and f in [0, n), frequencies from -n/2 on.
std::vector<std::complex<double>> waves(std::int64_t length, std::int64_t n) {
  std::vector<std::complex<double>> table;
  for (std::int64_t y = 0; y < length; ++y) {
    for (std::int64_t f = 0; f < n; ++f) {
      const double turns = static_cast<double>(y * (f - n / 2)) / static_cast<double>(n);
      table.push_back(std::polar(1.0, -2.0 * std::numbers::pi * turns));
    }
  }
  return table;
}

}  // namespace

EmbeddingFilters embedding_filters(Model& model, const Tensor& at) {
  const Tensor whole = whole_kernels(model, at);
  const Support box = support(whole);
  const std::int64_t count = whole.dim(0), height = box.bottom - box.top;
  const std::int64_t width = box.right - box.left, channels = whole.dim(3);
  const std::int64_t size = height * width * channels;
  Tensor cropped = Tensor::empty({count, height, width, channels});
  for (std::int64_t i = 0; i < count * height; ++i) {
    const float* row =
        whole.f32() +
        ((i / height * whole.dim(1) + box.top + i % height) * whole.dim(2) + box.left) * channels;
    std::copy(row, row + width * channels, cropped.f32() + i * width * channels);
  }
  const auto kernel = [&](std::int64_t i) { return cropped.slice(i * size, {size}); };
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return energy(kernel(a).span()) > energy(kernel(b).span());
  });
  EmbeddingFilters filters{Tensor::empty(cropped.shape())};
  for (std::int64_t i = 0; i < count; ++i) {
    filters.kernels.slice(i * size, {size}).copy_from(kernel(order[static_cast<std::size_t>(i)]));
  }
  return filters;
}

Tensor power_spectrum(const Tensor& kernel, std::int64_t n) {
  const std::int64_t height = kernel.dim(0), width = kernel.dim(1), channels = kernel.dim(2);
  const std::vector<std::complex<double>> down = waves(height, n), across = waves(width, n);
  Tensor power = Tensor::zeros({n, n});
  std::vector<std::complex<double>> rows(static_cast<std::size_t>(height * n));
  for (std::int64_t c = 0; c < channels; ++c) {
    std::fill(rows.begin(), rows.end(), 0.0);
    for (std::int64_t i = 0; i < height * width; ++i) {
      for (std::int64_t f = 0; f < n; ++f) {
        rows[static_cast<std::size_t>(i / width * n + f)] +=
            double{kernel.f32()[i * channels + c]} *
            across[static_cast<std::size_t>(i % width * n + f)];
      }
    }
    for (std::int64_t i = 0; i < n * n; ++i) {
      std::complex<double> sum = 0.0;
      for (std::int64_t y = 0; y < height; ++y) {
        sum += rows[static_cast<std::size_t>(y * n + i % n)] *
               down[static_cast<std::size_t>(y * n + i / n)];
      }
      power.f32()[i] += static_cast<float>(std::norm(sum));
    }
  }
  return power;
}

std::vector<SpectrumPoint> radial_mean(const Tensor& spectrum) {
  const std::int64_t n = spectrum.dim(0), half = n / 2;
  std::vector<SpectrumPoint> points(static_cast<std::size_t>(half + 1));
  std::vector<double> counts(points.size(), 0.0);
  for (std::int64_t i = 0; i < n * n; ++i) {
    const double radius =
        std::hypot(static_cast<double>(i / n - half), static_cast<double>(i % n - half));
    const auto ring = static_cast<std::size_t>(std::lround(radius));
    if (ring >= points.size()) continue;
    points[ring].power += double{spectrum.f32()[i]};
    counts[ring] += 1.0;
  }
  for (std::size_t ring = 0; ring < points.size(); ++ring) {
    points[ring].frequency = static_cast<double>(ring) / static_cast<double>(n);
    points[ring].power /= counts[ring];
  }
  return points;
}

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
