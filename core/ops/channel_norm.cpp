#include "core/ops/channel_norm.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera {
namespace {

template <typename T>
TESSERA_KERNEL void normalise_row(const T* x, const float* mean, const float* scale,
                                  const float* beta, bool relu, std::int64_t channels, T* y) {
  if (relu) {
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      const float value = (load(x[c]) - mean[c]) * scale[c] + beta[c];
      store(y[c], value > 0.0f || value != value ? value : 0.0f);  // NaN stays NaN
    }
  } else {
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      store(y[c], (load(x[c]) - mean[c]) * scale[c] + beta[c]);
    }
  }
}

/// The coefficients of a sample's channels.
struct Coefficients {
  const float *mean, *rstd, *scale, *beta;  // scale = rstd gamma
  const float *along, *across;              // dx = scale dy - along (x - mean) - across
};

// What ReLU lets through of dy.
template <typename T>
TESSERA_INLINE float passed(const Coefficients& k, const T* x, const T* dy, bool relu,
                            std::int64_t c) {
  const bool open = !relu || (load(x[c]) - k.mean[c]) * k.scale[c] + k.beta[c] > 0.0f;
  return open ? load(dy[c]) : 0.0f;
}

// sums [2, channels]: of dy and of dy (x - mean) rstd.
template <typename T>
TESSERA_KERNEL void add_gradient_sums(const Coefficients& k, const T* x, const T* dy, bool relu,
                                      std::int64_t channels, float* sums) {
  float* const products = sums + channels;
#pragma omp simd
  for (std::int64_t c = 0; c < channels; ++c) {
    const float g = passed(k, x, dy, relu, c);
    sums[c] += g;
    products[c] += g * (load(x[c]) - k.mean[c]) * k.rstd[c];
  }
}

template <typename T>
TESSERA_KERNEL void gradient_row(const Coefficients& k, const T* x, const T* dy, bool relu,
                                 std::int64_t channels, T* dx) {
#pragma omp simd
  for (std::int64_t c = 0; c < channels; ++c) {
    const float g = passed(k, x, dy, relu, c);
    store(dx[c], k.scale[c] * g - k.along[c] * (load(x[c]) - k.mean[c]) - k.across[c]);
  }
}

template <typename T>
void chunk_sums(const Coefficients& k, const T* x, const T* dy, bool relu, std::int64_t rows,
                std::int64_t channels, double* sums) {
  std::vector<float> part(static_cast<std::size_t>(2 * channels));
  const std::int64_t block = block_rows(channels);
  for (std::int64_t first = 0; first < rows; first += block) {
    std::fill(part.begin(), part.end(), 0.0f);
    for (std::int64_t r = first; r < std::min(rows, first + block); ++r) {
      add_gradient_sums(k, x + r * channels, dy + r * channels, relu, channels, part.data());
    }
    for (std::size_t i = 0; i < part.size(); ++i) sums[i] += double{part[i]};
  }
}

void write_gradient(const GradSink& sink, const std::vector<double>& sums) {
  if (!sink) return;
  for (std::size_t c = 0; c < sums.size(); ++c) {
    float& to = sink.grad.f32()[c];
    to = (sink.accumulate ? to : 0.0f) + static_cast<float>(sums[c]);
  }
}

/// [samples, 2, C]: sums over a sample's rows of dy and of dy (x - mean) rstd, behind ReLU.
std::vector<double> gradient_sums(const ChannelNorm& norm, const Tensor& scale, const Tensor& dy) {
  const ChannelGroups& g = norm.groups;
  const RowChunks row_chunks(g);
  const std::int64_t chunks = row_chunks.count(), width = 2 * g.channels;
  std::vector<double> partial(static_cast<std::size_t>(g.samples * chunks * width));
  with_element_type(norm.x.dtype(), [&](auto element) {
    using T = decltype(element);
    row_chunks.for_each([&](std::int64_t at, std::int64_t row, std::int64_t rows) {
      const std::int64_t sample = at / chunks * g.channels, place = row * g.channels;
      chunk_sums<T>({norm.mean.f32() + sample, norm.rstd.f32() + sample, scale.f32() + sample,
                     norm.beta.f32(), nullptr, nullptr},
                    norm.x.data<T>() + place, dy.data<T>() + place, norm.relu, rows, g.channels,
                    partial.data() + at * width);
    });
  });
  std::vector<double> sums(static_cast<std::size_t>(g.samples * width));
  for (std::int64_t at = 0; at < g.samples * chunks; ++at) {
    const double* from = partial.data() + at * width;
    double* to = sums.data() + at / chunks * width;
    for (std::int64_t i = 0; i < width; ++i) to[i] += from[i];
  }
  return sums;
}

/// What statistics that depend on x take back, [2, samples, C]: see Coefficients.
Tensor statistics_terms(const ChannelNorm& norm, const std::vector<double>& sums) {
  const ChannelGroups& g = norm.groups;
  Tensor terms = Tensor::zeros({2, g.samples, g.channels});
  if (norm.fixed_statistics) return terms;
  const std::int64_t width = g.channels / g.groups;
  float* const along = terms.f32();
  float* const across = along + g.samples * g.channels;
  for (std::int64_t s = 0; s < g.samples; ++s) {
    const double* dy = sums.data() + 2 * s * g.channels;
    for (std::int64_t first = 0; first < g.channels; first += width) {
      double plain = 0.0, product = 0.0;
      for (std::int64_t c = first; c < first + width; ++c) {
        plain += double{norm.gamma.f32()[c]} * dy[c];
        product += double{norm.gamma.f32()[c]} * dy[g.channels + c];
      }
      for (std::int64_t c = first; c < first + width; ++c) {
        const std::int64_t at = s * g.channels + c;
        const double rstd = double{norm.rstd.f32()[at]};
        along[at] = static_cast<float>(rstd * rstd * product / norm.count);
        across[at] = static_cast<float>(rstd * plain / norm.count);
      }
    }
  }
  return terms;
}

/// rstd gamma, [samples, C].
Tensor scale_of(const ChannelNorm& norm) {
  Tensor scale = norm.rstd.clone();
  const std::int64_t channels = norm.groups.channels;
  for (std::int64_t i = 0; i < scale.numel(); ++i) {
    scale.f32()[i] *= norm.gamma.f32()[i % channels];
  }
  return scale;
}

}  // namespace

void spread_statistics(const GroupStatistics& statistics, float eps, ChannelNorm& norm) {
  const ChannelGroups& g = norm.groups;
  norm.mean = Tensor::empty({g.samples, g.channels});
  norm.rstd = Tensor::empty({g.samples, g.channels});
  const std::int64_t width = g.channels / g.groups;
  for (std::int64_t i = 0; i < norm.mean.numel(); ++i) {
    const auto group = static_cast<std::size_t>(i / width);
    norm.mean.f32()[i] = static_cast<float>(statistics.mean[group]);
    norm.rstd.f32()[i] =
        static_cast<float>(1.0 / std::sqrt(statistics.variance[group] + double{eps}));
  }
}

void ChannelNorm::forward(const Tensor& y) const {
  const Tensor scale = scale_of(*this);
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    const std::int64_t channels = groups.channels;
    RowChunks(groups).for_each([&](std::int64_t, std::int64_t row, std::int64_t rows) {
      const std::int64_t sample = row / groups.rows * channels;
      for (std::int64_t at = row * channels; at < (row + rows) * channels; at += channels) {
        normalise_row(x.data<T>() + at, mean.f32() + sample, scale.f32() + sample, beta.f32(), relu,
                      channels, y.data<T>() + at);
      }
    });
  });
}

void ChannelNorm::backward(const Tensor& dy, const Tensor& dx, const GradSink& dgamma,
                           const GradSink& dbeta) const {
  const std::int64_t channels = groups.channels;
  const Tensor scale = scale_of(*this);
  std::vector<double> sums;
  if (!fixed_statistics || dgamma || dbeta) sums = gradient_sums(*this, scale, dy);
  // Each process adds its own part to the gradients of gamma and beta, so it keeps its own sums.
  const std::vector<double> all = peers != nullptr && !fixed_statistics ? peers->sum(sums) : sums;
  if (dgamma || dbeta) {
    std::vector<double> gamma_sums(static_cast<std::size_t>(channels)), beta_sums(gamma_sums);
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t c = i % gamma_sums.size();
      (i / gamma_sums.size() % 2 == 0 ? beta_sums : gamma_sums)[c] += sums[i];
    }
    write_gradient(dgamma, gamma_sums);
    write_gradient(dbeta, beta_sums);
  }
  if (!dx) return;
  const Tensor terms = statistics_terms(*this, all);
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    RowChunks(groups).for_each([&](std::int64_t, std::int64_t row, std::int64_t rows) {
      const std::int64_t sample = row / groups.rows * channels;
      const Coefficients k{mean.f32() + sample,  rstd.f32() + sample,
                           scale.f32() + sample, beta.f32(),
                           terms.f32() + sample, terms.f32() + groups.samples * channels + sample};
      for (std::int64_t at = row * channels; at < (row + rows) * channels; at += channels) {
        gradient_row(k, x.data<T>() + at, dy.data<T>() + at, relu, channels, dx.data<T>() + at);
      }
    });
  });
}

Var record_channel_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta,
                        ChannelNorm norm) {
  norm.x = x.value;
  norm.gamma = gamma.value;
  norm.beta = beta.value;
  if (norm.peers == nullptr) norm.count = static_cast<double>(norm.groups.count());
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  norm.forward(y);
  return tape.record(
      std::move(y), any_wants_grad(x, gamma, beta),
      [norm = std::move(norm), x = x.target(), gamma = gamma.target(), beta = beta.target()](
          Tape& t, const Tensor& dy) {
        const Tensor dx = !x ? Tensor() : dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
        norm.backward(dy, dx, t.sink(gamma), t.sink(beta));
        t.pass(x, dx);
      });
}

void check_channel_norm(const char* op, const Var& x, const Var& gamma, const Var& beta) {
  if (x.shape().rank() < 2 || x.dim(-1) < 1) {
    fail<ShapeError>("[{}] x {} is not [B, ..., C] with channels", op, x.shape());
  }
  if (gamma.shape() != Shape{x.dim(-1)} || beta.shape() != Shape{x.dim(-1)}) {
    fail<ShapeError>("[{}] gamma {} and beta {} must be [{}], the last dimension of x {}", op,
                     gamma.shape(), beta.shape(), x.dim(-1), x.shape());
  }
}

}  // namespace tessera
