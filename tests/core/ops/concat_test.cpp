#include "core/error.h"
#include "core/ops/tokens.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::random_tensor;

TEST_CASE("concat lays maps side by side") {
  for (const std::vector<Shape>& shapes :
       {std::vector<Shape>{{3, 4}}, std::vector<Shape>{{2, 3, 5, 1}, {2, 3, 5, 7}},
        std::vector<Shape>{{40, 17, 24}, {40, 17, 12}, {40, 17, 6}, {40, 17, 6}}}) {
    std::vector<Tensor> parts;
    std::int64_t columns = 0;
    for (const Shape& shape : shapes) {
      parts.push_back(random_tensor(shape, parts.size() + 1));
      columns += shape[-1];
    }
    Tape tape({.training = false});
    std::vector<Var> constants;
    for (const Tensor& part : parts) constants.push_back(tape.constant(part));
    const Tensor y = ops::concat(tape, constants).value;
    REQUIRE(y.shape() == shapes[0].with_last(columns));
    for (std::int64_t row = 0, first = 0; row < y.shape().rows(); ++row, first = 0) {
      for (const Tensor& part : parts) {
        for (std::int64_t c = 0; c < part.dim(-1); ++c) {
          REQUIRE(y.f32()[row * columns + first + c] == part.f32()[row * part.dim(-1) + c]);
        }
        first += part.dim(-1);
      }
    }
  }
}

TEST_CASE("concat gives only the gradients that are wanted") {
  const Tensor fixed = random_tensor({3, 4}, 1);
  test::check_gradients({random_tensor({3, 2}, 2)}, [&](Tape& t, std::span<const Var> v) {
    return ops::concat(t, std::vector<Var>{t.constant(fixed), v[0]});
  });
}

TEST_CASE("concat refuses maps that differ in more than their last dimension") {
  Tape tape;
  const auto zeros = [&](const Shape& shape, DType dtype = DType::kF32) {
    return tape.constant(Tensor::zeros(shape, dtype));
  };
  const auto run = [&](const std::vector<Var>& parts) { return ops::concat(tape, parts); };
  CHECK_THROWS_AS(run({}), ShapeError);
  CHECK_THROWS_AS(run({zeros({2, 3}), zeros({3, 3})}), ShapeError);
  CHECK_THROWS_AS(run({zeros({2, 3}), zeros({2, 3, 1})}), ShapeError);
  CHECK_THROWS_AS(run({zeros({2, 3}), zeros({2, 3}, DType::kBF16)}), ShapeError);
  CHECK_THROWS_AS(run(std::vector<Var>(9, zeros({2, 3}))), ShapeError);
}

}  // namespace
}  // namespace tessera
