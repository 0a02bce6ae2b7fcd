#include "core/ops/elementwise.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/error.h"
#include "tests/support/gradient_check.h"
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

using test::random_tensor;

const test::Op kRelu = [](Tape& t, std::span<const Var> v) { return ops::relu(t, v[0]); };

TEST_CASE("relu keeps what is positive, with slope 0 at 0") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values{-2.0f, -0.0f, 0.0f, 1e-30f, 3.0f};
  const Tensor x = Tensor::from({5}, values);
  const test::OpResult result = test::run_op({x}, kRelu);
  const Tensor probe = random_tensor({5}, 977);
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    CHECK(result.y.span()[i] == std::max(values[i], 0.0f));
    CHECK(result.grads[0].span()[i] == (values[i] > 0.0f ? probe.span()[i] : 0.0f));
  }
  Tape tape({.training = false});
  CHECK(std::isnan(ops::relu(tape, tape.constant(Tensor::full({1}, nan))).value.f32()[0]));
}

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

using test::random_tensor;

Tensor reference(const Tensor& x) {
  const std::int64_t columns = x.dim(-1);
  Tensor y = Tensor::empty(x.shape());
  for (std::int64_t row = 0; row < x.shape().rows(); ++row) {
    const float* z = x.f32() + row * columns;
    double sum = 0.0;
    for (std::int64_t i = 0; i < columns; ++i) sum += std::exp(double{z[i]} - double{z[0]});
    for (std::int64_t i = 0; i < columns; ++i) {
      y.f32()[row * columns + i] = static_cast<float>(std::exp(double{z[i]} - double{z[0]}) / sum);
    }
  }
  return y;
}

TEST_CASE("softmax agrees with a double-precision reference") {
  for (const Shape& shape :
       {Shape{1, 1}, Shape{7}, Shape{3, 17}, Shape{2, 3, 49}, Shape{700, 33}}) {
    CAPTURE(to_string(shape));
    const Tensor x = random_tensor(shape, 1, 3.0f);
    Tape tape({.training = false});
    CHECK(test::relative_error(ops::softmax(tape, tape.constant(x)).value, reference(x)) < 2e-6);
  }
}

TEST_CASE("softmax survives large and very unequal inputs") {
  Tape tape({.training = false});
  const Tensor x = Tensor::from({1, 3}, std::vector<float>{1e4f, 1e4f, -1e4f});
  const Tensor y = ops::softmax(tape, tape.constant(x)).value;
  CHECK(y.f32()[0] == doctest::Approx(0.5));
  CHECK(y.f32()[2] == 0.0f);
}

TEST_CASE("softmax of nothing is refused") {
  Tape tape;
  CHECK_THROWS_AS(ops::softmax(tape, tape.constant(Tensor::zeros({}))), ShapeError);
  CHECK_THROWS_AS(ops::softmax(tape, tape.constant(Tensor::zeros({3, 0}))), ShapeError);
}

}  // namespace
}  // namespace tessera
