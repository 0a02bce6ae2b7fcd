#include "core/ops/sigmoid.h"

#include "tests/support/op_check.h"

namespace tessera {
namespace {

using test::random_tensor;

const test::Op kSigmoid = [](Tape& t, std::span<const Var> v) {
  return ops::sigmoid(t, v[0], 16.0f);
};

TEST_CASE("sigmoid agrees with a double-precision reference from -30 to 30") {
  const std::int64_t count = 10001;
  const Tensor x = Tensor::empty({count});
  for (std::int64_t i = 0; i < count; ++i) {
    x.f32()[i] = -30.0f + 60.0f * static_cast<float>(i) / static_cast<float>(count - 1);
  }
  const test::OpResult result = test::run_op({x}, kSigmoid);
  const Tensor probe = random_tensor({count}, 977);
  double worst = 0.0, worst_slope = 0.0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double s = 1.0 / (1.0 + std::exp(-double{x.f32()[i]}));
    worst = std::max(worst, std::abs(double{result.y.f32()[i]} - 16.0 * s));
    const double slope = double{probe.f32()[i]} * 16.0 * s * (1.0 - s);
    worst_slope = std::max(worst_slope, std::abs(double{result.grads[0].f32()[i]} - slope));
  }
  CHECK(worst < 1e-5);
  CHECK(worst_slope < 1e-5);
}

TEST_CASE("sigmoid of what overflows an exponential is 0 or its height, not a NaN") {
  Tape tape({.training = false});
  const std::vector<float> values{-1e30f, -100.0f, 100.0f, 1e30f};
  const Var y = ops::sigmoid(tape, tape.constant(Tensor::from({4}, values)), 16.0f);
  CHECK(std::abs(y.value.f32()[0]) < 1e-30f);
  CHECK(std::abs(y.value.f32()[1]) < 1e-30f);
  CHECK(y.value.f32()[2] == 16.0f);
  CHECK(y.value.f32()[3] == 16.0f);
}

}  // namespace
}  // namespace tessera
