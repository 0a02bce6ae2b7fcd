#include <array>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/kernels/simd_math.h"
#include "core/ops/cross_entropy.h"

namespace tessera::ops {
namespace {

// There are few classes and many pixels: vectors hold the same class of neighbouring pixels.
constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kChunk = 256 * kLanes;  // pixels whose sums are kept apart

// z [pixels, classes] -> t [classes, kLanes]; lanes without a pixel repeat the last one.
template <typename T>
TESSERA_INLINE void transpose_in(const T* z, std::int64_t pixels, std::int64_t classes, float* t) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    const T* row = z + std::min(lane, pixels - 1) * classes;
    for (std::int64_t k = 0; k < classes; ++k) t[k * kLanes + lane] = load(row[k]);
  }
}

// t becomes exp(t - largest) of each lane, `largest` and `sum` what it says.
TESSERA_INLINE void exponentials(float* t, std::int64_t classes, float* largest, float* sum) {
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    largest[lane] = t[lane];
    sum[lane] = 0.0f;
  }
  for (std::int64_t k = 1; k < classes; ++k) {
#pragma omp simd
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float value = t[k * kLanes + lane];
      largest[lane] = value > largest[lane] ? value : largest[lane];
    }
  }
  for (std::int64_t k = 0; k < classes; ++k) {
#pragma omp simd
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const float value = exp_approx(t[k * kLanes + lane] - largest[lane]);
      t[k * kLanes + lane] = value;
      sum[lane] += value;
    }
  }
}

/// Up to kLanes pixels and where their numbers go.
struct Labels {
  const std::int32_t* of;  ///< [pixels]
  const float* weights;    ///< [classes], or null for 1
  std::int32_t ignored;

  TESSERA_INLINE float weight(std::int64_t pixel) const {
    const std::int32_t label = of[pixel];
    return label == ignored ? 0.0f : weights == nullptr ? 1.0f : weights[label];
  }
};

/// sum(w ce) and sum(w).
struct Sums {
  double loss = 0.0;
  double weight = 0.0;
};

template <typename T>
TESSERA_KERNEL void forward(const T* z, const Labels& labels, std::int64_t pixels,
                            std::int64_t classes, float* t, Sums* sums) {
  float largest[kLanes], sum[kLanes];
  transpose_in(z, pixels, classes, t);
  exponentials(t, classes, largest, sum);
  for (std::int64_t i = 0; i < pixels; ++i) {
    const float weight = labels.weight(i);
    if (weight == 0.0f) continue;
    const float at_label = load(z[i * classes + labels.of[i]]);
    const double loss = std::log(double{sum[i]}) + (double{largest[i]} - double{at_label});
    sums->loss += double{weight} * loss;
    sums->weight += double{weight};
  }
}

// dz = w scale (softmax(z) - onehot(label))
template <typename T>
TESSERA_KERNEL void backward(const T* z, const Labels& labels, std::int64_t pixels,
                             std::int64_t classes, float scale, bool accumulate, float* t, T* dz) {
  float largest[kLanes], sum[kLanes], share[kLanes];
  transpose_in(z, pixels, classes, t);
  exponentials(t, classes, largest, sum);
  for (std::int64_t lane = 0; lane < kLanes; ++lane) {
    share[lane] = lane < pixels ? scale * labels.weight(lane) : 0.0f;
    sum[lane] = share[lane] / sum[lane];
  }
  for (std::int64_t k = 0; k < classes; ++k) {
#pragma omp simd
    for (std::int64_t lane = 0; lane < kLanes; ++lane) t[k * kLanes + lane] *= sum[lane];
  }
  for (std::int64_t i = 0; i < pixels; ++i) {
    if (share[i] != 0.0f) t[labels.of[i] * kLanes + i] -= share[i];
    T* row = dz + i * classes;
    for (std::int64_t k = 0; k < classes; ++k) {
      store(row[k], (accumulate ? load(row[k]) : 0.0f) + t[k * kLanes + i]);
    }
  }
}

void check(const Var& logits, const Tensor& labels, const PixelLossConfig& config) {
  const Shape& z = logits.shape();
  if (z.rank() != 4 || z[3] < 1) {
    fail<ShapeError>("[pixel_cross_entropy] logits {} are not [B, H, W, K] with K of 1 or more", z);
  }
  if (labels.shape() != Shape{z[0], z[1], z[2]} || labels.dtype() != DType::kI32) {
    fail<ShapeError>(
        "[pixel_cross_entropy] labels {} {} do not fit logits {}: they must be i32 [{}, {}, {}]",
        name_of(labels.dtype()), labels.shape(), z, z[0], z[1], z[2]);
  }
  if (config.weights &&
      (config.weights.shape() != Shape{z[3]} || config.weights.dtype() != DType::kF32)) {
    fail<ShapeError>(
        "[pixel_cross_entropy] weights {} {} must be f32 [{}], one a class of logits {}",
        name_of(config.weights.dtype()), config.weights.shape(), z[3], z);
  }
  const std::int32_t* label = labels.data<std::int32_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i) {
    if (label[i] == config.ignored || (label[i] >= 0 && label[i] < z[3])) continue;
    fail<DataError>(
        "[pixel_cross_entropy] label {} of image {}, row {}, column {} is neither in [0, {}) nor "
        "the ignored {}",
        label[i], i / (z[1] * z[2]), i / z[2] % z[1], i % z[2], z[3], config.ignored);
  }
}

/// Calls `body(z, labels, pixels, t, first pixel)` for up to kLanes pixels at a time, with room
/// t [classes, kLanes]; `body` knows the chunk it is in.
template <typename T, typename Body>
void for_each_tile(const Tensor& logits, const Tensor& labels, const PixelLossConfig& config,
                   const Body& body) {
  const std::int64_t pixels = labels.numel(), classes = logits.dim(3);
  const std::int64_t chunks = (pixels + kChunk - 1) / kChunk;
  const Tensor room = Tensor::empty({num_parts(chunks, 1), classes, kLanes});
  parallel_parts(chunks, 1, [&](int part, std::int64_t begin, std::int64_t end) {
    float* t = room.f32() + part * classes * kLanes;
    for (std::int64_t i = begin * kChunk; i < std::min(pixels, end * kChunk); i += kLanes) {
      const Labels of{labels.data<std::int32_t>() + i,
                      config.weights ? config.weights.f32() : nullptr, config.ignored};
      body(i, logits.data<T>() + i * classes, of, std::min(kLanes, pixels - i), t);
    }
  });
}

}  // namespace

Var pixel_cross_entropy(Tape& tape, const Var& logits, const Tensor& labels,
                        const PixelLossConfig& config) {
  check(logits, labels, config);
  const std::int64_t pixels = labels.numel(), classes = logits.dim(3);
  OpScope op(tape, "pixel_cross_entropy",
             {25.0 * static_cast<double>(logits.value.numel()),
              static_cast<double>(logits.value.bytes() + labels.bytes())});
  std::vector<Sums> sums(static_cast<std::size_t>((pixels + kChunk - 1) / kChunk));
  with_element_type(logits.value.dtype(), [&](auto element) {
    using T = decltype(element);
    for_each_tile<T>(
        logits.value, labels, config,
        [&](std::int64_t first, const T* z, const Labels& of, std::int64_t count, float* t) {
          forward(z, of, count, classes, t, &sums[static_cast<std::size_t>(first / kChunk)]);
        });
  });
  Sums total;
  for (const Sums& part : sums) {
    total.loss += part.loss;
    total.weight += part.weight;
  }
  if (Peers* peers = tape.options().part.peers) {
    total.weight = peers->sum(std::array{total.weight})[0];
  }
  const double scale = total.weight > 0.0 ? 1.0 / total.weight : 0.0;
  return tape.record(
      Tensor::full({1}, static_cast<float>(total.loss * scale)), any_wants_grad(logits),
      [logits, labels, config, scale](Tape& t, const Tensor& dy) {
        const GradSink sink = t.sink(logits.target());
        const float factor = dy.f32()[0] * static_cast<float>(scale);
        with_element_type(logits.value.dtype(), [&](auto element) {
          using T = decltype(element);
          const std::int64_t depth = logits.dim(3);
          for_each_tile<T>(logits.value, labels, config,
                           [&](std::int64_t first, const T* z, const Labels& of, std::int64_t count,
                               float* room) {
                             backward(z, of, count, depth, factor, sink.accumulate, room,
                                      sink.grad.template data<T>() + first * depth);
                           });
        });
      });
}

}  // namespace tessera::ops
