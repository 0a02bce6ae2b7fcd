#include "core/ops/class_token.h"

#include "core/error.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

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

}  // namespace
}  // namespace tessera
