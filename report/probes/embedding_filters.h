// What the channels of a patch embedding respond to, and how fine it is.
#pragma once

#include <vector>

#include "layers/model.h"
#include "report/plot/picture.h"

namespace tessera::report {

struct EmbeddingFilters {
  Tensor kernels;  ///< [D, h, w, C]: the pixels that a token sees; the largest kernel first
};

/// The gradient of every channel of the token in the middle to the pixels, at the image `at`
/// [H, W, C]. Of a linear embedding without norm these are its kernels; of any other, the kernels
/// it acts by near that image.
EmbeddingFilters embedding_filters(Model& model, const Tensor& at);

/// |DFT|^2 of a kernel [h, w, C], summed over channels, padded with zeros to n x n: [n, n], with
/// frequency 0 in the middle, at (n/2, n/2).
Tensor power_spectrum(const Tensor& kernel, std::int64_t n);

struct SpectrumPoint {
  double frequency = 0.0;  ///< cycles a pixel
  double power = 0.0;
};

/// The mean of a spectrum [n, n] over rings of equal frequency, up to 1/2.
std::vector<SpectrumPoint> radial_mean(const Tensor& spectrum);

inline constexpr std::int64_t kMostFilters = 128;   ///< shown of an embedding
inline constexpr std::int64_t kFilterColumns = 16;  ///< of them in a row
inline constexpr std::int64_t kFilterWidth = 640;   ///< pixels of a row, about

/// Kernel `i` of [D, h, w, C].  -> [h, w, C]
Tensor kernel_of(const Tensor& kernels, std::int64_t i);

/// The first of the kernels [D, h, w, C], each scaled by itself. One channel goes through the
/// signed colours; of three, each is a colour of light around grey.
Picture filter_mosaic(const Tensor& kernels);

float largest_magnitude(const Tensor& tensor);

}  // namespace tessera::report
