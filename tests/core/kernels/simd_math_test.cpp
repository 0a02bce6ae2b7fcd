#include "core/kernels/simd_math.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace tessera {
namespace {

using Vec8 [[gnu::vector_size(32)]] = float;

TEST_CASE("exp_approx is within 2 ulp of the exact value") {
  double worst = 0.0;
  for (double x = -87.3; x <= 88.3; x += 1.7e-4) {
    const float argument = static_cast<float>(x);
    const double exact = std::exp(double{argument});
    const float rounded = static_cast<float>(exact);
    const double ulp = double{std::nextafter(rounded, INFINITY)} - double{rounded};
    worst = std::max(worst, std::abs(double{exp_approx(argument)} - exact) / ulp);
  }
  CHECK(worst < 2.0);
}

TEST_CASE("exp_approx at the ends of its range") {
  CHECK(exp_approx(0.0f) == 1.0f);
  CHECK(exp_approx(-87.7f) == 0.0f);
  CHECK(exp_approx(-1e30f) == 0.0f);
  CHECK(exp_approx(-std::numeric_limits<float>::infinity()) == 0.0f);
  CHECK(std::isfinite(exp_approx(1e30f)));
  CHECK(exp_approx(1e30f) > 2.1e38f);
  CHECK(std::isnan(exp_approx(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("log1p_of_unit is within 3 ulp of the exact value") {
  double worst = 0.0;
  for (double t = 1e-30; t <= 1.0; t = t < 1e-3 ? 1.1 * t : t + 1e-6) {
    const float argument = static_cast<float>(t);
    const double exact = std::log1p(double{argument});
    const float rounded = static_cast<float>(exact);
    const double ulp = double{std::nextafter(rounded, INFINITY)} - double{rounded};
    worst = std::max(worst, std::abs(double{log1p_of_unit(argument)} - exact) / ulp);
  }
  CHECK(worst < 3.0);
  CHECK(log1p_of_unit(0.0f) == 0.0f);
  CHECK(std::isnan(log1p_of_unit(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("exp_approx of a vector is that of its lanes") {
  const Vec8 x = {-100.0f, -87.0f, -3.5f, -0.0f, 1e-6f, 0.7f, 20.0f, 88.0f};
  const Vec8 y = exp_approx(x);
  for (int lane = 0; lane < 8; ++lane) {
    CHECK(y[lane] == doctest::Approx(exp_approx(x[lane])).epsilon(1e-6));
  }
}

}  // namespace
}  // namespace tessera
