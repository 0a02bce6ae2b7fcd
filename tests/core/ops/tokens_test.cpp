#include "core/ops/tokens.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "tests/support/gradient_check.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

using test::random_tensor;

const test::Op kOp = [](Tape& t, std::span<const Var> v) {
  return ops::add_position(t, v[0], v[1]);
};

TEST_CASE("every sample gets the same table, which gets the sum of their gradients") {
  const Tensor tokens = random_tensor({3, 2, 5, 4}, 1), table = random_tensor({1, 10, 4}, 2);
  const test::OpResult result = test::run_op({tokens, table}, kOp);
  const Tensor probe = random_tensor(tokens.shape(), 977);
  for (std::size_t i = 0; i < 40; ++i) {
    float sum = 0.0f;
    for (std::size_t b = 0; b < 3; ++b) {
      const std::size_t at = b * 40 + i;
      CHECK(result.y.span()[at] == tokens.span()[at] + table.span()[i]);
      CHECK(result.grads[0].span()[at] == probe.span()[at]);
      sum += probe.span()[at];
    }
    CHECK(result.grads[1].span()[i] == doctest::Approx(sum));
  }
}

TEST_CASE("a table of another size or type is refused") {
  Tape tape;
  const auto add = [&](const Shape& tokens, const Shape& table, DType dtype = DType::kF32) {
    ops::add_position(tape, tape.constant(Tensor::zeros(tokens)),
                      tape.constant(Tensor::zeros(table, dtype)));
  };
  CHECK_NOTHROW(add({2, 3, 4, 5}, {1, 12, 5}));
  CHECK_NOTHROW(add({2, 3, 4, 5}, {1, 3, 4, 5}));
  CHECK_THROWS_AS(add({2, 3, 4, 5}, {1, 4, 3, 5}), ShapeError);
  CHECK_THROWS_AS(add({2, 3, 4, 5}, {1, 11, 5}), ShapeError);
  CHECK_THROWS_AS(add({2, 3, 4, 5}, {2, 12, 5}), ShapeError);
  CHECK_THROWS_AS(add({2, 12, 5}, {1, 12, 5}), ShapeError);
  CHECK_THROWS_AS(add({2, 3, 4, 5}, {1, 12, 5}, DType::kBF16), ShapeError);
}

using test::random_tensor;

const test::Op kPrepend = [](Tape& t, std::span<const Var> v) {
  return ops::prepend_token(t, v[0], v[1]);
};
const test::Op kFirst = [](Tape& t, std::span<const Var> v) { return ops::first_token(t, v[0]); };

TEST_CASE("the token comes first, then the map in its order") {
  const Tensor tokens = random_tensor({2, 2, 3, 4}, 1), token = random_tensor({1, 1, 4}, 2);
  const test::OpResult result = test::run_op({tokens, token}, kPrepend);
  CHECK(result.y.shape() == Shape{2, 1, 7, 4});
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t c = 0; c < 4; ++c) CHECK(result.y.span()[b * 28 + c] == token.span()[c]);
    for (std::size_t i = 0; i < 24; ++i) {
      CHECK(result.y.span()[b * 28 + 4 + i] == tokens.span()[b * 24 + i]);
    }
  }
}

TEST_CASE("the first token is taken out again") {
  const Tensor x = random_tensor({3, 1, 5, 2}, 1);
  const test::OpResult result = test::run_op({x}, kFirst);
  CHECK(result.y.shape() == Shape{3, 2});
  for (std::size_t b = 0; b < 3; ++b) {
    for (std::size_t c = 0; c < 2; ++c) {
      CHECK(result.y.span()[b * 2 + c] == x.span()[b * 10 + c]);
    }
  }
}

TEST_CASE("tokens that do not fit are refused") {
  Tape tape;
  const auto zeros = [&](const Shape& shape) { return tape.constant(Tensor::zeros(shape)); };
  CHECK_THROWS_AS(ops::prepend_token(tape, zeros({2, 3, 4, 5}), zeros({1, 1, 4})), ShapeError);
  CHECK_THROWS_AS(ops::prepend_token(tape, zeros({2, 3, 4, 5}), zeros({5})), ShapeError);
  CHECK_THROWS_AS(ops::prepend_token(tape, zeros({2, 12, 5}), zeros({1, 1, 5})), ShapeError);
  CHECK_THROWS_AS(ops::first_token(tape, zeros({2, 12, 5})), ShapeError);
  CHECK_THROWS_AS(ops::first_token(tape, zeros({2, 0, 1, 5})), ShapeError);
}

TEST_CASE("mean_pool agrees with a double-precision reference") {
  for (const Shape& shape :
       {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 7}, Shape{3, 7, 7, 97}, Shape{5, 9, 8, 192}}) {
    CAPTURE(to_string(shape));
    const Tensor x = test::random_tensor(shape, 1);
    const std::int64_t positions = shape[1] * shape[2], channels = shape[3];
    Tensor expected = Tensor::empty({shape[0], channels});
    for (std::int64_t b = 0; b < shape[0]; ++b) {
      for (std::int64_t c = 0; c < channels; ++c) {
        double sum = 0.0;
        for (std::int64_t p = 0; p < positions; ++p) {
          sum += double{x.f32()[(b * positions + p) * channels + c]};
        }
        expected.f32()[b * channels + c] = static_cast<float>(sum / static_cast<double>(positions));
      }
    }
    Tape tape({.training = false});
    CHECK(test::relative_error(ops::mean_pool(tape, tape.constant(x)).value, expected) < 1e-5);
  }
}

TEST_CASE("mean_pool refuses what is not a map") {
  Tape tape;
  CHECK_THROWS_AS(ops::mean_pool(tape, tape.constant(Tensor::zeros({2, 3, 4}))), ShapeError);
  CHECK_THROWS_AS(ops::mean_pool(tape, tape.constant(Tensor::zeros({2, 0, 4, 3}))), ShapeError);
}

}  // namespace
}  // namespace tessera
