// Numeric against analytic gradients.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/op.h"

namespace tessera::test {

/// sum(y * probe) as a scalar on the tape, in double precision.
inline Var weighted_sum(Tape& tape, const Var& y, const Tensor& probe) {
  double sum = 0.0;
  for (std::size_t i = 0; i < y.value.span().size(); ++i) {
    sum += double{y.value.span()[i]} * double{probe.span()[i]};
  }
  return tape.record(Tensor::full({1}, static_cast<float>(sum)), any_wants_grad(y),
                     [y = y.target(), probe](Tape& t, const Tensor&) { t.pass(y, probe); });
}

inline double weighted_sum(const Tensor& y, const Tensor& probe) {
  double sum = 0.0;
  for (std::size_t i = 0; i < y.span().size(); ++i) {
    sum += double{y.span()[i]} * double{probe.span()[i]};
  }
  return sum;
}

/// Largest difference of two tensors over the largest magnitude of the second.
inline double relative_error(const Tensor& actual, const Tensor& expected) {
  REQUIRE(actual.numel() == expected.numel());
  double worst = 0.0, largest = 1e-12;
  for (std::size_t i = 0; i < actual.span().size(); ++i) {
    REQUIRE(std::isfinite(actual.span()[i]));
    worst = std::max(worst, std::abs(double{actual.span()[i]} - double{expected.span()[i]}));
    largest = std::max(largest, std::abs(double{expected.span()[i]}));
  }
  return worst / largest;
}

/// Checks d sum(op(inputs) * probe) / d input of every input against central differences at up to
/// `points` random coordinates each, relative to the largest gradient of that input.
inline void check_gradients(const std::vector<Tensor>& inputs, const Op& op,
                            double tolerance = 2e-2, float step = 1e-2f, int points = 40) {
  Tape tape;
  std::vector<Var> leaves;
  for (const Tensor& input : inputs) leaves.push_back(tape.leaf(input));
  const Var y = op(tape, leaves);
  const Tensor probe = random_tensor(y.shape(), 977);
  tape.backward(weighted_sum(tape, y, probe));

  const auto loss = [&] {
    Tape forward;  // in training: dropout drops the same elements each time
    std::vector<Var> constants;
    for (const Tensor& input : inputs) constants.push_back(forward.constant(input));
    return weighted_sum(op(forward, constants).value, probe);
  };
  Rng rng(4242, Stream::kSynthetic, 0, 0);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Tensor grad = tape.grad(leaves[i]);
    REQUIRE_MESSAGE(static_cast<bool>(grad), "input ", i, " got no gradient");
    double largest = 1e-6;
    for (const float value : grad.span()) largest = std::max(largest, std::abs(double{value}));
    const auto count = static_cast<std::uint32_t>(inputs[i].numel());
    for (int point = 0; point < std::min<int>(points, static_cast<int>(count)); ++point) {
      const std::uint32_t at = count <= static_cast<std::uint32_t>(points)
                                   ? static_cast<std::uint32_t>(point)
                                   : rng.below(count);
      float& element = inputs[i].span()[at];
      const float kept = element;
      element = kept + step;
      const double above = loss();
      element = kept - step;
      const double below = loss();
      element = kept;
      const double numeric = (above - below) / (2.0 * double{step});
      const double analytic = double{grad.span()[at]};
      CHECK_MESSAGE(std::abs(numeric - analytic) <= tolerance * largest, "input ", i, " element ",
                    at, ": numeric ", numeric, ", analytic ", analytic, ", largest ", largest);
    }
  }
}

}  // namespace tessera::test
