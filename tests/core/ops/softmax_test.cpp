#include "core/ops/softmax.h"

#include <cmath>

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

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
