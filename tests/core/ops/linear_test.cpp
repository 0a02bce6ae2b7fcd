#include "core/ops/linear.h"

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::random_tensor;
using test::relative_error;

Tensor reference(const Tensor& x, const Tensor& w, const Tensor& b) {
  const std::int64_t rows = x.shape().rows(), in = w.dim(1), out = w.dim(0);
  Tensor y = Tensor::empty(x.shape().with_last(out));
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t o = 0; o < out; ++o) {
      double sum = b ? double{b.f32()[o]} : 0.0;
      for (std::int64_t i = 0; i < in; ++i) {
        sum += double{x.f32()[r * in + i]} * double{w.f32()[o * in + i]};
      }
      y.f32()[r * out + o] = static_cast<float>(sum);
    }
  }
  return y;
}

TEST_CASE("linear agrees with a double-precision reference") {
  struct Case {
    Shape x;
    std::int64_t out;
  };
  for (const Case& c :
       {Case{{1, 1}, 1}, Case{{3, 5}, 7}, Case{{2, 3, 4, 17}, 33}, Case{{130, 48}, 96}}) {
    CAPTURE(to_string(c.x));
    const Tensor x = random_tensor(c.x, 1), w = random_tensor({c.out, c.x[-1]}, 2);
    const Tensor b = random_tensor({c.out}, 3);
    Tape tape({.training = false});
    const Var y = ops::linear(tape, tape.constant(x), tape.constant(w), tape.constant(b));
    CHECK(y.shape() == c.x.with_last(c.out));
    CHECK(relative_error(y.value, reference(x, w, b)) < 1e-5);
  }
}

TEST_CASE("products of shapes that do not fit are refused") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}));
  CHECK_THROWS_AS(ops::linear(tape, x, tape.constant(Tensor::zeros({4, 5})), Var{}), ShapeError);
  CHECK_THROWS_AS(
      ops::linear(tape, x, tape.constant(Tensor::zeros({4, 3})), tape.constant(Tensor::zeros({5}))),
      ShapeError);
  CHECK_THROWS_AS(ops::matmul(tape, x, tape.constant(Tensor::zeros({2, 3}))), ShapeError);
}

}  // namespace
}  // namespace tessera
