#include "core/ops/linear.h"

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::check_gradients;
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

TEST_CASE("linear agrees with a double-precision reference and finite differences") {
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
    check_gradients({x, w, b}, [](Tape& t, std::span<const Var> v) {
      return ops::linear(t, v[0], v[1], v[2]);
    });
    check_gradients(
        {x, w}, [](Tape& t, std::span<const Var> v) { return ops::linear(t, v[0], v[1], Var{}); });
  }
}

TEST_CASE("linear in bf16 stays within bf16 rounding of f32") {
  const Tensor x = random_tensor({64, 48}, 1), w = random_tensor({96, 48}, 2);
  const Tensor b = random_tensor({96}, 3);
  Tape tape;
  const Var low = tape.leaf(cast(x, DType::kBF16)), weight = tape.leaf(w);
  const Var y = ops::linear(tape, low, weight, tape.constant(b));
  REQUIRE(y.value.dtype() == DType::kBF16);
  CHECK(relative_error(cast(y.value, DType::kF32), reference(x, w, b)) < 1e-2);
}

TEST_CASE("a gradient that arrives twice is the sum") {
  const Tensor x = random_tensor({4, 6}, 1), w = random_tensor({6, 6}, 2);
  check_gradients({x, w}, [](Tape& t, std::span<const Var> v) {
    return ops::linear(t, ops::linear(t, v[0], v[1], Var{}), v[1], Var{});
  });
}

TEST_CASE("matmul agrees with finite differences, batched and not") {
  for (const Shape& lead : {Shape{2, 3}, Shape{5, 2, 3}}) {
    const bool batched = lead.rank() == 3;
    const Tensor a = random_tensor(lead, 1);
    const Tensor b = random_tensor(batched ? Shape{5, 3, 4} : Shape{3, 4}, 2);
    check_gradients({a, b},
                    [](Tape& t, std::span<const Var> v) { return ops::matmul(t, v[0], v[1]); });
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
