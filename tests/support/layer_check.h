// A layer of maps against its plain double-precision reference: result, gradients, bf16.
#pragma once

#include <functional>

#include "tests/support/op_check.h"
#include "tests/support/reference_layers.h"

namespace tessera::test {

using Reference = std::function<Map(const Map& x, const Weights& weights)>;

/// Random values for all parameters of a store; weights of norms lie around 1.
inline void randomize(const ParameterStore& store, std::uint64_t seed) {
  for (const ParameterStore::Entry& entry : store.entries()) {
    const bool scale =
        entry.name.find("norm") != std::string::npos && entry.name.ends_with("weight");
    const Tensor values = random_tensor(entry.parameter->shape, ++seed, 0.5f);
    for (std::size_t i = 0; i < values.span().size(); ++i) {
      entry.parameter->value.span()[i] = values.span()[i] + (scale ? 1.0f : 0.0f);
    }
  }
}

/// Root mean square of a difference over that of the second: not sensitive to the few elements
/// where bf16 takes another side of a ReLU.
inline double mean_error(const Tensor& actual, const Tensor& expected) {
  double difference = 0.0, size = 1e-24;
  for (std::size_t i = 0; i < expected.span().size(); ++i) {
    const double e = expected.span()[i];
    difference += (double{actual.span()[i]} - e) * (double{actual.span()[i]} - e);
    size += e * e;
  }
  return std::sqrt(difference / size);
}

/// Compares `layer.forward` with `reference` at x [B, H, W, C], and its gradients for x and every
/// parameter with central differences of the reference at up to 12 random coordinates each. The
/// differences are those of double precision, so they are as good as exact.
template <typename Layer>
void check_layer(Layer& layer, const Tensor& x, const Reference& reference) {
  ParameterStore store(layer);
  randomize(store, 17);
  store.clear_gradients();
  Tape tape;
  const Var input = tape.leaf(x);
  const Var y = layer.forward(tape, input);
  Map exact(x);
  Weights weights = weights_of(store);
  const Map expected = reference(exact, weights);
  REQUIRE(y.shape() == Shape{expected.batch, expected.height, expected.width, expected.channels});
  double worst = 0.0, largest = 1e-12;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    worst = std::max(worst, std::abs(double{y.value.span()[i]} - expected.values[i]));
    largest = std::max(largest, std::abs(expected.values[i]));
  }
  CHECK(worst / largest < 1e-5);

  const Tensor probe = random_tensor(y.shape(), 977);
  tape.backward(weighted_sum(tape, y, probe));
  const auto loss = [&] {
    const Map result = reference(exact, weights);
    double sum = 0.0;
    for (std::size_t i = 0; i < result.values.size(); ++i) {
      sum += result.values[i] * double{probe.span()[i]};
    }
    return sum;
  };
  Rng rng(4242, Stream::kSynthetic, 0, 0);
  const auto check = [&](const std::string& name, std::vector<double>& values, const Tensor& grad) {
    CAPTURE(name);
    REQUIRE(static_cast<bool>(grad));
    double steepest = 1e-6;
    for (const float g : grad.span()) steepest = std::max(steepest, std::abs(double{g}));
    for (int point = 0; point < 12; ++point) {
      const std::size_t at = rng.below(static_cast<std::uint32_t>(values.size()));
      constexpr double kStep = 1e-5;
      const double kept = values[at];
      values[at] = kept + kStep;
      const double above = loss();
      values[at] = kept - kStep;
      const double below = loss();
      values[at] = kept;
      CAPTURE(at);
      CHECK(std::abs((above - below) / (2.0 * kStep) - double{grad.span()[at]}) < 1e-4 * steepest);
    }
  };
  check("input", exact.values, tape.grad(input));
  for (const ParameterStore::Entry& entry : store.entries()) {
    check(entry.name, weights.at(entry.name).values, entry.parameter->grad);
  }
  const Tensor low = cast(x, DType::kBF16);
  const Op op = [&](Tape& t, std::span<const Var> v) { return layer.forward(t, v[0]); };
  const OpResult actual = run_op({low}, op), rounded = run_op({cast(low, DType::kF32)}, op);
  CHECK(mean_error(actual.y, rounded.y) < 0.02);
  CHECK(mean_error(actual.grads[0], rounded.grads[0]) < 0.1);
}

}  // namespace tessera::test
