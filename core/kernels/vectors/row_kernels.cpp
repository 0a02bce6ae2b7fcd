// Layer norm and GELU of rows.
#include "core/kernels/vectors/vector-inl.h"

namespace tessera::ops {
namespace {

/// A vector's place in a row.
struct Whole {
  Index at;

  template <typename T>
  TESSERA_INLINE Vec get(const T* row) const {
    return read(row + at);
  }
  template <typename T>
  TESSERA_INLINE void put(T* row, Vec value) const {
    write(row + at, value);
  }
  TESSERA_INLINE Vec only(Vec value) const { return value; }
};

/// The place of the last `count` elements of a row, fewer than a vector has.
struct Part {
  Index at, count;

  template <typename T>
  TESSERA_INLINE Vec get(const T* row) const {
    return read_some(row + at, count);
  }
  template <typename T>
  TESSERA_INLINE void put(T* row, Vec value) const {
    write_some(row + at, value, count);
  }
  /// Zeros beyond the row.
  TESSERA_INLINE Vec only(Vec value) const { return first_of(value, count); }
};

/// Calls `body(place)` for every vector of a row.
template <typename Body>
TESSERA_INLINE void for_vectors(Index columns, Body body) {
  Index at = 0;
  for (; at + kLanes <= columns; at += kLanes) body(Whole{at});
  if (at < columns) body(Part{at, columns - at});
}

/// Phi(x), as exactly as results of type T can show it.
template <typename T>
TESSERA_INLINE Vec normal_cdf(Vec x) {
  if constexpr (std::is_same_v<T, BF16>) {
    return coarse_normal_cdf(x);
  } else {
    return 0.5f * (1.0f + erf_approx(x * 0.707106781f));
  }
}

/// gelu'(x) = Phi(x) + x phi(x).
template <typename T>
TESSERA_INLINE Vec gelu_slope(Vec x, Vec cdf) {
  if constexpr (std::is_same_v<T, BF16>) {
    return coarse_gelu_slope(x);
  } else {
    return cdf + x * 0.398942280f * exp_approx(-0.5f * x * x);
  }
}

template <typename T>
void gelu(const T* x, T* y, Index count) {
  for_vectors(count, [=](auto place) TESSERA_ALWAYS_INLINE {
    const Vec value = place.get(x);
    place.put(y, value * normal_cdf<T>(value));
  });
}

template <typename T>
void gelu_gradient(const T* x, const T* dy, T* dx, Index count) {
  for_vectors(count, [=](auto place) TESSERA_ALWAYS_INLINE {
    const Vec value = place.get(x);
    place.put(dx, place.get(dy) * gelu_slope<T>(value, normal_cdf<T>(value)));
  });
}

template <typename T>
void gelu_with_gradient(const T* x, const T* dy, T* y, T* dx, Index count) {
  for_vectors(count, [=](auto place) TESSERA_ALWAYS_INLINE {
    const Vec value = place.get(x);
    const Vec cdf = normal_cdf<T>(value);
    const Vec gradient = place.get(dy) * gelu_slope<T>(value, cdf);
    place.put(y, value * cdf);
    place.put(dx, gradient);
  });
}

/// Calls `value(place)` for every vector and writes what it gives as integers of 8 bits.
template <typename Value>
TESSERA_INLINE void quantize_each(float inverse_scale, float zero, std::uint8_t* q, Index count,
                                  Value value) {
  for_vectors(count, [=](auto place) TESSERA_ALWAYS_INLINE {
    place.put(q, value(place) * inverse_scale + (zero + 0.5f));
  });
}

template <typename T>
void quantize(const T* x, float inverse_scale, float zero, std::uint8_t* q, Index count) {
  quantize_each(inverse_scale, zero, q, count,
                [=](auto place) TESSERA_ALWAYS_INLINE { return place.get(x); });
}

template <typename T>
void gelu_quantize(const T* x, float inverse_scale, float zero, std::uint8_t* q, Index count) {
  quantize_each(inverse_scale, zero, q, count, [=](auto place) TESSERA_ALWAYS_INLINE {
    const Vec value = place.get(x);
    return value * normal_cdf<T>(value);
  });
}

template <typename T>
void norm_forward(const NormForward<T>& args, Index begin, Index end, float* values) {
  const Index columns = args.columns;
  const float inverse = 1.0f / static_cast<float>(columns);
  for (Index row = begin; row < end; ++row) {
    const T* const x = args.x + row * columns;
    Vec total = {};
    if (args.branch != nullptr) {
      const T* const branch = args.branch + row * columns;
      T* const sum = args.sum + row * columns;
      const float scale = args.scale == nullptr ? 1.0f : args.scale[row / args.rows_per_sample];
      for_vectors(columns, [&](auto place) TESSERA_ALWAYS_INLINE {
        const Vec value = place.get(x) + scale * place.get(branch);
        place.put(values, value);
        place.put(sum, value);
        total += value;
      });
    } else {
      for_vectors(columns, [&](auto place) TESSERA_ALWAYS_INLINE {
        const Vec value = place.get(x);
        place.put(values, value);
        total += value;
      });
    }
    const float mean = inverse * sum_of(total);
    Vec squares = {};
    for_vectors(columns, [&](auto place) TESSERA_ALWAYS_INLINE {
      const Vec centred = place.only(place.get(values) - mean);
      squares += centred * centred;
    });
    const float rstd = 1.0f / std::sqrt(sum_of(squares) * inverse + args.eps);
    T* const y = args.y + row * columns;
    for_vectors(columns, [&](auto place) TESSERA_ALWAYS_INLINE {
      const Vec normed = (place.get(values) - mean) * rstd;
      place.put(y, normed * place.get(args.gamma) + place.get(args.beta));
    });
    args.stats[2 * row] = mean;
    args.stats[2 * row + 1] = rstd;
  }
}

// With n = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - n mean(g n)).
template <typename T>
void norm_backward(const NormBackward<T>& args, Index begin, Index end, float* sums) {
  const Index columns = args.columns;
  float* const dgamma = sums;
  float* const dbeta = sums + columns;
  const float inverse = 1.0f / static_cast<float>(columns);
  for (Index row = begin; row < end; ++row) {
    const Index first = row * columns;
    const T* const x = args.x + first;
    const T* const dy = args.dy + first;
    const float mean = args.stats[2 * row], rstd = args.stats[2 * row + 1];
    Vec sum_g = {}, sum_gn = {};
    for_vectors(columns, [&](auto place) TESSERA_ALWAYS_INLINE {
      const Vec gradient = place.get(dy);
      const Vec normed = (place.get(x) - mean) * rstd;
      const Vec g = gradient * place.get(args.gamma);
      place.put(dgamma, place.get(dgamma) + gradient * normed);
      place.put(dbeta, place.get(dbeta) + gradient);
      sum_g += g;
      sum_gn += g * normed;
    });
    const float mean_g = inverse * sum_of(sum_g), mean_gn = inverse * sum_of(sum_gn);
    const T* const extra = args.extra == nullptr ? nullptr : args.extra + first;
    T* const dbranch = args.dbranch == nullptr ? nullptr : args.dbranch + first;
    const float scale = dbranch == nullptr ? 0.0f : args.scale[row / args.rows_per_sample];
    for_vectors(columns, [&](auto place) TESSERA_ALWAYS_INLINE {
      const Vec normed = (place.get(x) - mean) * rstd;
      Vec dx = (place.get(dy) * place.get(args.gamma) - mean_g - normed * mean_gn) * rstd;
      if (extra != nullptr) dx += place.get(extra);
      place.put(args.dx + first, dx);
      if (dbranch == nullptr) return;
      Vec change = scale * dx;
      if (args.accumulate) change += place.get(dbranch);
      place.put(dbranch, change);
    });
  }
}

template <typename T>
constexpr RowKernels<T> kernels_of() {
  return {.gelu = gelu<T>,
          .gelu_gradient = gelu_gradient<T>,
          .gelu_with_gradient = gelu_with_gradient<T>,
          .quantize = quantize<T>,
          .gelu_quantize = gelu_quantize<T>,
          .norm_forward = norm_forward<T>,
          .norm_backward = norm_backward<T>};
}

}  // namespace

}  // namespace tessera::ops

namespace tessera::TESSERA_TARGET {
extern const ops::AllRowKernels kRowKernels;
const ops::AllRowKernels kRowKernels{ops::kernels_of<float>(), ops::kernels_of<BF16>()};
}  // namespace tessera::TESSERA_TARGET
