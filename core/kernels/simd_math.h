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
  const I exponent = (__builtin_bit_cast(I, shifted) - 0x4b400000 + 127) << 23;
  return p * __builtin_bit_cast(F, exponent);
}

/// log(1 + t) for t in [0, 1] within 3 ulp; NaN stays NaN. 2 artanh(s) with s = t / (2 + t), whose
/// series is cut where (1 / 3)^17 / 17 is left.
template <typename F>
TESSERA_INLINE F log1p_of_unit(F t) {
  const F s = t / (t + 2.0f);
  const F q = s * s;
  F p = q * (2.0f / 15.0f) + 2.0f / 13.0f;
  p = p * q + 2.0f / 11.0f;
  p = p * q + 2.0f / 9.0f;
  p = p * q + 2.0f / 7.0f;
  p = p * q + 2.0f / 5.0f;
  p = p * q + 2.0f / 3.0f;
  return s * (p * q + 2.0f);
}

/// erf(x) within 4e-7 (7 ulp), never beyond -1 and 1; NaN stays NaN. x P(x^2) / Q(x^2), fitted on
/// [0, 3.95] by least squares with Lawson's weights (close to minimax: 2.2e-8 before rounding);
/// from there on erf is 1 in f32.
template <typename F>
TESSERA_INLINE F erf_approx(F x) {
  using I = typename detail::LaneInts<F>::type;
  const F limit = F{} + 3.95f * 3.95f;
  F u = x * x;
  u = u > limit ? limit : u;
  F p = u * 2.02544675e-6f + 2.84609327e-4f;
  p = p * u + 3.80689581e-3f;
  p = p * u + 5.28714471e-2f;
  p = p * u + 1.91527903e-1f;
  p = p * u + 1.12837911f;
  F q = u * 3.78228651e-5f + 1.17032381e-3f;
  q = q * u + 1.50526203e-2f;
  q = q * u + 1.14549421e-1f;
  q = q * u + 5.03069878e-1f;
  q = q * u + 1.0f;
  // |y| grows beyond 1 where u is cut off. Clamped as an integer: one instruction, where comparing
  // floats makes GCC thread both outcomes through the whole loop.
  const I bits = __builtin_bit_cast(I, x * p / q);
  const I one = I{} + 0x3f800000;
  I magnitude = bits & 0x7fffffff;
  magnitude = magnitude < one ? magnitude : one;
  return __builtin_bit_cast(F, magnitude | (bits & ~0x7fffffff)) + u * 0.0f;  // NaN of u comes back
}

// For results that are rounded to bf16: odd polynomials x P(t) + 1/2 in t = 2 x^2 / L^2 - 1 on [-L,
// L], fitted as erf_approx is and held to their limits 0 and 1 at the ends, where x stays. NaN
// stays NaN.

namespace detail {
template <typename F>
TESSERA_INLINE F clamp_to(F x, float limit) {
  const F high = F{} + limit, low = F{} - limit;
  x = x > high ? high : x;
  return x < low ? low : x;
}
}  // namespace detail

/// The normal distribution function within 1.1e-5. L = 4.3.
template <typename F>
TESSERA_INLINE F coarse_normal_cdf(F x) {
  x = detail::clamp_to(x, 4.3f);
  const F t = x * x * 0.108166575f - 1.0f;
  F p = t * 2.746768063e-3f - 7.037847769e-3f;
  p = p * t + 9.077683091e-3f;
  p = p * t - 1.451550703e-2f;
  p = p * t + 2.614849061e-2f;
  p = p * t - 3.971705586e-2f;
  p = p * t + 5.556095764e-2f;
  p = p * t - 8.003826439e-2f;
  p = p * t + 1.640538424e-1f;
  return p * x + 0.5f;
}

/// The derivative of x times that function, which is GELU, within 3e-5. L = 4.7.
template <typename F>
TESSERA_INLINE F coarse_gelu_slope(F x) {
  x = detail::clamp_to(x, 4.7f);
  const F t = x * x * 0.0905387f - 1.0f;
  F p = t * 1.656943560e-2f - 4.509272799e-2f;
  p = p * t + 4.179422185e-2f;
  p = p * t - 3.530635685e-2f;
  p = p * t + 6.994963437e-2f;
  p = p * t - 9.825281799e-2f;
  p = p * t + 9.427850693e-2f;
  p = p * t - 8.379185945e-2f;
  p = p * t + 7.755537331e-2f;
  p = p * t - 8.323496580e-2f;
  p = p * t + 1.519145370e-1f;
  return p * x + 0.5f;
}

}  // namespace tessera
