#include <cmath>

#include "core/error.h"
#include "core/ops/dropout.h"
#include "core/ops/norms.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

using test::random_tensor;
using test::relative_error;

Tensor reference(const Tensor& x, const Tensor& gamma, const Tensor& beta, double eps) {
  const std::int64_t columns = x.dim(-1);
  Tensor y = Tensor::empty(x.shape());
  for (std::int64_t row = 0; row < x.shape().rows(); ++row) {
    const float* values = x.f32() + row * columns;
    double mean = 0.0, variance = 0.0;
    for (std::int64_t i = 0; i < columns; ++i) mean += double{values[i]};
    mean /= static_cast<double>(columns);
    for (std::int64_t i = 0; i < columns; ++i) variance += std::pow(double{values[i]} - mean, 2);
    variance /= static_cast<double>(columns);
    for (std::int64_t i = 0; i < columns; ++i) {
      const double normed = (double{values[i]} - mean) / std::sqrt(variance + eps);
      y.f32()[row * columns + i] =
          static_cast<float>(normed * double{gamma.f32()[i]} + double{beta.f32()[i]});
    }
  }
  return y;
}

TEST_CASE("layer_norm agrees with a double-precision reference") {
  for (const Shape& shape :
       {Shape{5}, Shape{1, 16}, Shape{3, 17}, Shape{2, 3, 5, 48}, Shape{301, 97}, Shape{4, 1536}}) {
    CAPTURE(to_string(shape));
    const Tensor x = random_tensor(shape, 1), gamma = random_tensor({shape[-1]}, 2);
    const Tensor beta = random_tensor({shape[-1]}, 3);
    Tape tape({.training = false});
    const Var y =
        ops::layer_norm(tape, tape.constant(x), tape.constant(gamma), tape.constant(beta), 1e-3f);
    CHECK(relative_error(y.value, reference(x, gamma, beta, 1e-3)) < 3e-6);
  }
}

TEST_CASE("layer_norm keeps its accuracy far from zero") {
  const Tensor x = random_tensor({4, 96}, 1);
  for (float& value : x.span()) value += 1000.0f;
  const Tensor gamma = Tensor::full({96}, 1.0f), beta = Tensor::zeros({96});
  Tape tape({.training = false});
  const Var y = ops::layer_norm(tape, tape.constant(x), tape.constant(gamma), tape.constant(beta));
  CHECK(relative_error(y.value, reference(x, gamma, beta, 1e-5)) < 1e-3);
}

TEST_CASE("add_layer_norm is the residual sum and its norm") {
  for (const Shape& shape : {Shape{2, 17}, Shape{3, 2, 5, 33}, Shape{2, 200, 96}}) {
    const std::int64_t batch = shape[0], columns = shape[-1];
    const Tensor x = random_tensor(shape, 1), branch = random_tensor(shape, 2);
    const Tensor gamma = random_tensor({columns}, 3), beta = random_tensor({columns}, 4);
    const Tensor factors = random_tensor({batch}, 5);
    factors.f32()[0] = 0.0f;  // a dropped sample
    for (const Tensor& scale : {Tensor(), factors}) {
      CAPTURE(to_string(shape));
      CAPTURE(static_cast<bool>(scale));
      Tape tape({.training = false});
      const auto [sum, normed] =
          ops::add_layer_norm(tape, tape.constant(x), tape.constant(branch), scale,
                              tape.constant(gamma), tape.constant(beta));
      Tensor expected = x.clone();
      for (std::int64_t i = 0; i < x.numel(); ++i) {
        const float factor = scale ? scale.f32()[i / (x.numel() / batch)] : 1.0f;
        expected.f32()[i] += factor * branch.f32()[i];
      }
      CHECK(relative_error(sum.value, expected) < 1e-6);
      CHECK(relative_error(normed.value, reference(expected, gamma, beta, 1e-5)) < 3e-6);
    }
  }
}

TEST_CASE("add_layer_norm leaves gamma and beta alone when only the sum is used") {
  Tape tape;
  const Var x = tape.leaf(random_tensor({2, 8}, 1)), gamma = tape.leaf(random_tensor({8}, 2));
  const Var branch = tape.leaf(random_tensor({2, 8}, 3)), beta = tape.leaf(random_tensor({8}, 4));
  const Var sum = ops::add_layer_norm(tape, x, branch, {}, gamma, beta)[0];
  tape.backward(test::weighted_sum(tape, sum, random_tensor({2, 8}, 5)));
  CHECK(static_cast<bool>(tape.grad(x)));
  CHECK_FALSE(static_cast<bool>(tape.grad(gamma)));
}

TEST_CASE("add_layer_norm does not change gradients that others still hold") {
  const Tensor x = random_tensor({2, 3, 16}, 1), branch = random_tensor({2, 3, 16}, 2);
  const Tensor gamma = random_tensor({16}, 3), beta = random_tensor({16}, 4);
  // x is both input and branch: the gradient handed on is shared, then added to itself.
  test::check_gradients({x, gamma, beta}, [](Tape& t, std::span<const Var> v) {
    const auto [sum, normed] = ops::add_layer_norm(t, v[0], v[0], {}, v[1], v[2]);
    return ops::add(t, sum, ops::add(t, normed, v[0]));
  });
  const Tensor probe = random_tensor({2, 3, 16}, 977), kept = probe.clone();
  Tape tape;
  const auto [sum, normed] = ops::add_layer_norm(tape, tape.leaf(x), tape.leaf(branch), {},
                                                 tape.constant(gamma), tape.constant(beta));
  tape.backward(test::weighted_sum(tape, ops::add(tape, sum, normed), probe));
  CHECK(relative_error(probe, kept) == 0.0);
}

TEST_CASE("norms of shapes that do not fit are refused") {
  Tape tape;
  const auto zeros = [&](const Shape& shape) { return tape.constant(Tensor::zeros(shape)); };
  const Var x = zeros({2, 3, 8}), good = zeros({8}), bad = zeros({7});
  CHECK_THROWS_AS(ops::layer_norm(tape, x, bad, good), ShapeError);
  CHECK_THROWS_AS(ops::layer_norm(tape, x, good, bad), ShapeError);
  CHECK_THROWS_AS(ops::layer_norm(tape, zeros({}), good, good), ShapeError);
  CHECK_THROWS_AS(ops::add_layer_norm(tape, x, zeros({2, 4, 8}), {}, good, good), ShapeError);
  CHECK_THROWS_AS(ops::add_layer_norm(tape, x, x, {}, bad, good), ShapeError);
  CHECK_THROWS_AS(ops::add_layer_norm(tape, x, x, Tensor::zeros({3}), good, good), ShapeError);
  const Var low = tape.constant(Tensor::zeros({2, 3, 8}, DType::kBF16));
  CHECK_THROWS_AS(ops::add_layer_norm(tape, x, low, {}, good, good), ShapeError);
}

}  // namespace
}  // namespace tessera
