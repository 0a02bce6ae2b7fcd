// Elementary functions that vectorise: no branches, no tables, no library calls. F is float, for
// loops the compiler vectorises, or a GCC vector of floats.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "core/parallel.h"

namespace tessera {

namespace detail {
template <typename F>
struct LaneInts {
  using type = decltype(F{} < F{});
};
template <>
struct LaneInts<float> {
  using type = std::int32_t;
};
}  // namespace detail

/// e^x within 2 ulp for x in [-87.3, 88.3]. Below -87.7 the result is exactly 0, above 88.3 it
/// stays 2.2e38; NaN stays NaN. Cody-Waite reduction to |r| <= ln(2) / 2 and the polynomial of
/// Cephes' expf (Moshier 1992).
template <typename F>
TESSERA_INLINE F exp_approx(F x) {
  using I = typename detail::LaneInts<F>::type;
  const F lowest = F{} - 88.0f, highest = F{} + 88.3f;
  x = x < lowest ? lowest : x;
  x = x > highest ? highest : x;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the fraction.
  const F shifted = x * 1.44269504f + 12582912.0f;
  const F n = shifted - 12582912.0f;
  F r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  F p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const I exponent = (std::bit_cast<I>(shifted) - 0x4b400000 + 127) << 23;
  return p * std::bit_cast<F>(exponent);
}

}  // namespace tessera
