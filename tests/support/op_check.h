// What every op must get right beside its gradient: bf16 activations, and inputs used twice.
#pragma once

#include <vector>

#include "core/ops/elementwise.h"
#include "tests/support/gradient_check.h"

namespace tessera::test {

struct OpResult {
  Tensor y;
  std::vector<Tensor> grads;  ///< of the inputs, f32
};

/// The backward pass of sum(y * probe).
inline void run_probe(Tape& tape, const Var& y) {
  const Tensor probe = cast(random_tensor(y.shape(), 977), y.value.dtype());
  tape.backward(tape.record(Tensor::full({1}, 0.0f), true,
                            [y = y.target(), probe](Tape& t, const Tensor&) { t.pass(y, probe); }));
}

/// Result and gradients of sum(op(inputs) * probe), all as f32; the inputs keep their dtypes.
inline OpResult run_op(const std::vector<Tensor>& inputs, const Op& op) {
  Tape tape;
  std::vector<Var> leaves;
  for (const Tensor& input : inputs) leaves.push_back(tape.leaf(input));
  const Var y = op(tape, leaves);
  REQUIRE(y.id >= 0);
  run_probe(tape, y);
  OpResult result{cast(y.value, DType::kF32), {}};
  for (const Var& leaf : leaves) {
    const Tensor grad = tape.grad(leaf);
    REQUIRE(static_cast<bool>(grad));
    REQUIRE(grad.dtype() == leaf.value.dtype());
    result.grads.push_back(cast(grad, DType::kF32));
  }
  return result;
}

/// Compares a run whose first `activations` inputs are bf16 with an f32 run from the same values.
inline void check_bf16(const std::vector<Tensor>& inputs, std::size_t activations, const Op& op,
                       double tolerance = 2e-2) {
  std::vector<Tensor> low = inputs, rounded = inputs;
  for (std::size_t i = 0; i < activations; ++i) {
    low[i] = cast(inputs[i], DType::kBF16);
    rounded[i] = cast(low[i], DType::kF32);
  }
  const OpResult actual = run_op(low, op), expected = run_op(rounded, op);
  CHECK(relative_error(actual.y, expected.y) < tolerance);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    CHECK(relative_error(actual.grads[i], expected.grads[i]) < tolerance);
  }
}

/// The gradient of op(x) + op(x) must be twice that of op(x).
inline void check_accumulation(const std::vector<Tensor>& inputs, const Op& op) {
  const OpResult once = run_op(inputs, op);
  const OpResult twice = run_op(
      inputs, [&](Tape& t, std::span<const Var> v) { return ops::add(t, op(t, v), op(t, v)); });
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    CAPTURE(i);
    for (float& value : once.grads[i].span()) value *= 2.0f;
    CHECK(relative_error(twice.grads[i], once.grads[i]) < 1e-5);
  }
}

}  // namespace tessera::test
