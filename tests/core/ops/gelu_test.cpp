#include "core/ops/gelu.h"

#include <cmath>
#include <numbers>

#include "tests/support/op_check.h"

namespace tessera {
namespace {

using test::random_tensor;

const test::Op kGelu = [](Tape& t, std::span<const Var> v) { return ops::gelu(t, v[0]); };

TEST_CASE("gelu agrees with a double-precision reference from -12 to 12") {
  const std::int64_t count = 100001;
  const Tensor x = Tensor::empty({count});
  for (std::int64_t i = 0; i < count; ++i) {
    x.f32()[i] = -12.0f + 24.0f * static_cast<float>(i) / static_cast<float>(count - 1);
  }
  const test::OpResult result = test::run_op({x}, kGelu);
  const Tensor probe = random_tensor({count}, 977);
  double worst = 0.0, worst_slope = 0.0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = static_cast<double>(x.f32()[i]);
    const double cdf = 0.5 * std::erfc(-value / std::numbers::sqrt2);
    const double pdf = std::exp(-0.5 * value * value) / std::sqrt(2.0 * std::numbers::pi);
    worst = std::max(worst, std::abs(static_cast<double>(result.y.f32()[i]) - value * cdf));
    const double slope = static_cast<double>(result.grads[0].f32()[i]);
    const double expected = static_cast<double>(probe.f32()[i]) * (cdf + value * pdf);
    worst_slope = std::max(worst_slope, std::abs(slope - expected));
  }
  CHECK(worst < 2e-6);
  CHECK(worst_slope < 2e-6);
}

}  // namespace
}  // namespace tessera
