#include "core/error.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::random_tensor;
using test::relative_error;

struct MlpCase {
  std::int64_t rows, in, hidden, out;
};

// The second and third are cut into slices, the last does not fit in a cache and is not.
const MlpCase kMlpCases[] = {
    {5, 3, 7, 2}, {1024, 16, 48, 16}, {1537, 24, 33, 8}, {1100, 200, 800, 24}};

std::vector<Tensor> inputs_of(const MlpCase& c) {
  return {random_tensor({c.rows, c.in}, 1), random_tensor({c.hidden, c.in}, 2, 0.3f),
          random_tensor({c.hidden}, 3), random_tensor({c.out, c.hidden}, 4, 0.3f),
          random_tensor({c.out}, 5)};
}

Var fused(Tape& tape, std::span<const Var> v) {
  return ops::mlp(tape, v[0], {v[1], v[2], v[3], v[4]});
}

Var composed(Tape& tape, std::span<const Var> v) {
  return ops::linear(tape, ops::gelu(tape, ops::linear(tape, v[0], v[1], v[2])), v[3], v[4]);
}

std::vector<Tensor> result_and_gradients(const std::vector<Tensor>& inputs, const test::Op& op) {
  Tape tape;
  std::vector<Var> leaves;
  for (const Tensor& input : inputs) leaves.push_back(tape.leaf(input));
  const Var y = op(tape, leaves);
  tape.backward(test::weighted_sum(tape, y, random_tensor(y.shape(), 9)));
  std::vector<Tensor> results = {y.value};
  for (const Var& leaf : leaves) results.push_back(tape.grad(leaf));
  return results;
}

TEST_CASE("mlp is fc2(gelu(fc1(x))), gradients included") {
  for (const MlpCase& c : kMlpCases) {
    CAPTURE(c.rows);
    const std::vector<Tensor> inputs = inputs_of(c);
    const std::vector<Tensor> actual = result_and_gradients(inputs, fused);
    const std::vector<Tensor> expected = result_and_gradients(inputs, composed);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      CAPTURE(i);
      CHECK(relative_error(actual[i], expected[i]) < 1e-5);
    }
    Tape eval({.training = false});
    std::vector<Var> constants;
    for (const Tensor& input : inputs) constants.push_back(eval.constant(input));
    CHECK(relative_error(fused(eval, constants).value, actual[0]) == 0.0);
  }
}

TEST_CASE("mlp refuses weights that do not fit") {
  Tape tape;
  const auto zeros = [&](const Shape& shape) { return tape.constant(Tensor::zeros(shape)); };
  const Var x = zeros({4, 3});
  CHECK_THROWS_AS(ops::mlp(tape, x, {zeros({5, 2}), zeros({5}), zeros({3, 5}), zeros({3})}),
                  ShapeError);
  CHECK_THROWS_AS(ops::mlp(tape, x, {zeros({5, 3}), zeros({4}), zeros({3, 5}), zeros({3})}),
                  ShapeError);
  CHECK_THROWS_AS(ops::mlp(tape, x, {zeros({5, 3}), zeros({5}), zeros({3, 4}), zeros({3})}),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
