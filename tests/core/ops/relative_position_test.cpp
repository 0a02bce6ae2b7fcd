#include "core/ops/relative_position.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "tests/support/gradient_check.h"

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

TEST_CASE("a bias table of another window is refused") {
  Tape tape;
  const Var table = tape.constant(Tensor::zeros({169, 3}));
  CHECK_NOTHROW(ops::relative_position_bias(tape, table, {7, 7}));
  CHECK_THROWS_AS(ops::relative_position_bias(tape, table, {8, 8}), ShapeError);
  CHECK_THROWS_AS(ops::relative_position_bias(tape, tape.constant(Tensor::zeros({169})), {7, 7}),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
