#include "core/ops/linear.h"

#include "core/error.h"
#include "core/ops/row_products.h"
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

TEST_CASE("linear: weights that are kept packed give the bits of weights packed anew") {
  const Tensor x = cast(random_tensor({5, 48}, 1), DType::kBF16);
  const Tensor parameters = random_tensor({2 * 32 * 48}, 2);
  const Tensor weights[] = {parameters.slice(0, {32, 48}), parameters.slice(32 * 48, {32, 48})};
  const auto product = [&](const Tensor& weight, PackedWeights* packed) {
    Tape tape({.training = false, .packed = packed});
    return ops::linear(tape, tape.constant(x), tape.constant(weight), Var{}).value;
  };
  PackedWeights packed(parameters);
  for (int pass = 0; pass < 2; ++pass) {
    for (const Tensor& weight : weights) {
      CHECK(relative_error(cast(product(weight, &packed), DType::kF32),
                           cast(product(weight, nullptr), DType::kF32)) == 0.0);
    }
    CHECK(packed.count() == 2);
  }
  // What is kept is what multiplies: a weight may not change meanwhile.
  const Tensor before = product(weights[0], &packed);
  weights[0].fill(0.0f);
  CHECK(relative_error(cast(product(weights[0], &packed), DType::kF32),
                       cast(before, DType::kF32)) == 0.0);
}

TEST_CASE("linear: what is no parameter is packed anew and not kept") {
  const Tensor x = cast(random_tensor({5, 48}, 1), DType::kBF16);
  const Tensor parameters = Tensor::zeros({64});
  PackedWeights packed(parameters);
  for (std::uint64_t pass = 0; pass < 3; ++pass) {
    const Tensor weight = random_tensor({32, 48}, pass);
    Tape tape({.training = false, .packed = &packed}), plain({.training = false});
    const Var kept = ops::linear(tape, tape.constant(x), tape.constant(weight), Var{});
    const Var anew = ops::linear(plain, plain.constant(x), plain.constant(weight), Var{});
    CHECK(relative_error(cast(kept.value, DType::kF32), cast(anew.value, DType::kF32)) == 0.0);
  }
  CHECK(packed.count() == 0);
}

TEST_CASE("products of shapes that do not fit are refused") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3}));
  CHECK_THROWS_AS(ops::linear(tape, x, tape.constant(Tensor::zeros({4, 5})), Var{}), ShapeError);
  CHECK_THROWS_AS(
      ops::linear(tape, x, tape.constant(Tensor::zeros({4, 3})), tape.constant(Tensor::zeros({5}))),
      ShapeError);
}

}  // namespace
}  // namespace tessera
