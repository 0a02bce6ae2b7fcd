#include "core/ops/add_position.h"

#include "core/error.h"
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

}  // namespace
}  // namespace tessera
