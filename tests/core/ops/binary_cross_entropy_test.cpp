#include "core/ops/binary_cross_entropy.h"

#include <cmath>
#include <limits>
#include <string>

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::random_tensor;

float loss_of(const Tensor& logits, const Tensor& targets) {
  Tape tape({.training = false});
  const Var loss = ops::binary_cross_entropy(tape, tape.constant(logits), targets);
  CHECK(loss.shape() == Shape{1});
  return loss.value.f32()[0];
}

Tensor row(const std::vector<float>& values) {
  return Tensor::from({1, static_cast<std::int64_t>(values.size())}, values);
}

TEST_CASE("binary_cross_entropy agrees with a double-precision reference") {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 5}, Shape{7, 37}, Shape{130, 101}}) {
    CAPTURE(shape[0]);
    const Tensor logits = random_tensor(shape, 1, 3.0f);
    const Tensor targets = random_tensor(shape, 2);
    for (float& q : targets.span()) q = 0.5f + 0.5f * std::tanh(q);
    double expected = 0.0;
    for (std::size_t i = 0; i < logits.span().size(); ++i) {
      const double s = 1.0 / (1.0 + std::exp(-double{logits.span()[i]}));
      const double q = double{targets.span()[i]};
      expected -= q * std::log(s) + (1.0 - q) * std::log(1.0 - s);
    }
    expected /= static_cast<double>(logits.numel());
    CHECK(std::abs(double{loss_of(logits, targets)} - expected) < 2e-6);
  }
}

TEST_CASE("binary_cross_entropy is exact where a naive sigmoid is 0 or 1") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(loss_of(row({200.0f, -200.0f}), row({0.0f, 1.0f})) == 200.0f);
  CHECK(loss_of(row({200.0f, -200.0f}), row({1.0f, 0.0f})) == 0.0f);
  CHECK(loss_of(row({infinity, -infinity}), row({1.0f, 0.0f})) == 0.0f);
  CHECK(std::isnan(loss_of(row({std::nanf("")}), row({1.0f}))));
}

TEST_CASE("binary_cross_entropy: the gradient is the sigmoid less the target") {
  Tape tape;
  const Var logits = tape.leaf(row({0.0f, 100.0f, -100.0f, 0.0f}));
  tape.backward(ops::binary_cross_entropy(tape, logits, row({0.25f, 0.0f, 1.0f, 1.0f})));
  const Tensor grad = tape.grad(logits);
  CHECK(grad.f32()[0] == doctest::Approx(0.25 / 4));
  CHECK(grad.f32()[1] == doctest::Approx(1.0 / 4));
  CHECK(grad.f32()[2] == doctest::Approx(-1.0 / 4));
  CHECK(grad.f32()[3] == doctest::Approx(-0.5 / 4));
}

TEST_CASE("binary_cross_entropy refuses targets that do not fit") {
  Tape tape;
  const Var logits = tape.constant(Tensor::zeros({2, 4}));
  try {
    ops::binary_cross_entropy(tape, logits, Tensor::zeros({2, 3}));
    FAIL("targets of another shape were accepted");
  } catch (const ShapeError& error) {
    CHECK(std::string(error.what()) ==
          "[binary_cross_entropy] targets f32 [2, 3] do not fit logits [2, 4]: they must be f32 "
          "[2, 4]");
  }
  CHECK_THROWS_AS(ops::binary_cross_entropy(tape, logits, Tensor::zeros({2, 4}, DType::kI32)),
                  ShapeError);
  const Var flat = tape.constant(Tensor::zeros({4}));
  CHECK_THROWS_AS(ops::binary_cross_entropy(tape, flat, Tensor::zeros({4})), ShapeError);
}

}  // namespace
}  // namespace tessera
