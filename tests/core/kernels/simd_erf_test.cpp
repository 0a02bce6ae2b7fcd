#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/kernels/simd_math.h"

namespace tessera {
namespace {

TEST_CASE("erf is within its stated error of the C library, densely from 0 to 6") {
  double worst = 0.0, worst_ulp = 0.0;
  bool odd = true;
  for (std::uint32_t bits = 0x00800000; bits < std::bit_cast<std::uint32_t>(6.0f); bits += 4001) {
    const float x = std::bit_cast<float>(bits);
    const double exact = std::erf(static_cast<double>(x));
    const float value = erf_approx(x);
    odd = odd && value == -erf_approx(-x);
    const double error = std::abs(static_cast<double>(value) - exact);
    const float rounded = static_cast<float>(exact);
    const double ulp = static_cast<double>(std::nextafter(rounded, 2.0f) - rounded);
    worst = std::max(worst, error);
    worst_ulp = std::max(worst_ulp, error / ulp);
  }
  CHECK(worst < 4e-7);
  CHECK(worst_ulp < 7.0);
  CHECK(odd);
}

TEST_CASE("erf saturates at one and keeps zero and NaN") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float x : {4.0f, 5.0f, 100.0f, infinity}) {
    CHECK(erf_approx(x) <= 1.0f);
    CHECK(erf_approx(x) > 0.9999998f);
    CHECK(erf_approx(-x) >= -1.0f);
  }
  CHECK(erf_approx(0.0f) == 0.0f);
  CHECK(std::isnan(erf_approx(std::numeric_limits<float>::quiet_NaN())));
}

}  // namespace
}  // namespace tessera
