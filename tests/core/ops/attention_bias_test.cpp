#include <doctest/doctest.h>

#include "core/error.h"
#include "core/ops/window_attention.h"
#include "tests/support/gradient_check.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

TEST_CASE("the bias of a pair is the table's entry for query minus key") {
  Tape tape;
  const Tensor table = test::random_tensor({3 * 5, 4}, 1);
  const Tensor bias = ops::relative_position_bias(tape, tape.constant(table), {2, 3}).value;
  REQUIRE(bias.shape() == Shape{4, 6, 6});
  for (std::int64_t head = 0; head < 4; ++head) {
    for (std::int64_t q = 0; q < 6; ++q) {
      for (std::int64_t k = 0; k < 6; ++k) {
        const std::int64_t dy = q / 3 - k / 3, dx = q % 3 - k % 3;
        const std::int64_t row = (dy + 1) * 5 + dx + 2;
        CHECK(bias.f32()[(head * 6 + q) * 6 + k] == table.f32()[row * 4 + head]);
      }
    }
  }
}

TEST_CASE("a smaller window sees the middle of the table") {
  Tape tape;
  const Tensor table = test::random_tensor({5 * 7, 2}, 1);  // of 3 x 4 tokens
  Tensor middle = Tensor::empty({3 * 5, 2});                // of 2 x 3
  for (std::int64_t y = 0; y < 3; ++y) {
    for (std::int64_t i = 0; i < 5 * 2; ++i) {
      middle.f32()[y * 10 + i] = table.f32()[(y + 1) * 14 + 2 + i];
    }
  }
  const Tensor inside =
      ops::relative_position_bias(tape, tape.constant(table), {2, 3}, {3, 4}).value;
  const Tensor own = ops::relative_position_bias(tape, tape.constant(middle), {2, 3}).value;
  CHECK(test::relative_error(inside, own) == 0.0);
  CHECK_THROWS_WITH_AS(ops::relative_position_bias(tape, tape.constant(table), {4, 4}, {3, 4}),
                       doctest::Contains("4x4 tokens is larger than the 3x4"), ShapeError);
}

TEST_CASE("a bias table of another window is refused") {
  Tape tape;
  const Var table = tape.constant(Tensor::zeros({169, 3}));
  CHECK_NOTHROW(ops::relative_position_bias(tape, table, {7, 7}));
  CHECK_THROWS_AS(ops::relative_position_bias(tape, table, {8, 8}), ShapeError);
  CHECK_THROWS_AS(ops::relative_position_bias(tape, tape.constant(Tensor::zeros({169})), {7, 7}),
                  ShapeError);
}

const test::Op kOp = [](Tape& t, std::span<const Var> v) { return ops::without_key_bias(t, v[0]); };

TEST_CASE("the bias of the keys is zero and gets no gradient, the rest passes") {
  const Tensor bias = test::random_tensor({12}, 1);
  const test::OpResult result = test::run_op({bias}, kOp);
  const Tensor probe = test::random_tensor({12}, 977);
  for (std::size_t i = 0; i < 12; ++i) {
    CAPTURE(i);
    const bool key = i >= 4 && i < 8;
    CHECK(result.y.span()[i] == (key ? 0.0f : bias.span()[i]));
    CHECK(result.grads[0].span()[i] == (key ? 0.0f : probe.span()[i]));
    CHECK(bias.span()[i] != 0.0f);  // the parameter itself is left alone
  }
}

TEST_CASE("a bias that has no thirds is refused") {
  Tape tape;
  for (const Shape& shape : {Shape{4}, Shape{2, 3}, Shape{}}) {
    CHECK_THROWS_AS(ops::without_key_bias(tape, tape.constant(Tensor::zeros(shape))), ShapeError);
  }
  CHECK_THROWS_AS(ops::without_key_bias(tape, tape.constant(Tensor::zeros({3}, DType::kBF16))),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
