#include "core/ops/window_attention.h"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/kernels/cpu.h"
#include "core/kernels/vector_kernels.h"
#include "core/kernels/window_attention_kernels.h"
#include "tests/core/ops/window_attention_reference.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using ops::WindowAttentionConfig;
using test::AttentionInputs;
using test::AttentionReference;
using test::random_tensor;
using test::relative_error;

struct WindowCase {
  const char* name;
  std::int64_t batch, height, width, heads, head_dim;
  std::array<std::int64_t, 2> window;
  std::array<std::int64_t, 2> shift{0, 0};
  bool mask_padding = true;
  bool bias = true;
  bool pad = false;
  bool cosine = false;
  bool roll_first = false;
};

const std::vector<WindowCase> kWindowCases = {
    {"plain", 2, 14, 14, 3, 32, {7, 7}},
    {"shifted", 2, 14, 14, 3, 32, {7, 7}, {3, 3}},
    {"small", 3, 8, 8, 3, 16, {4, 4}, {2, 2}},
    {"window 7, head_dim 16", 1, 14, 7, 2, 16, {7, 7}, {3, 3}},
    {"rectangular", 1, 6, 10, 2, 8, {3, 5}, {1, 2}},
    {"shift along height", 1, 8, 8, 2, 8, {4, 4}, {2, 0}},
    {"shift along width", 1, 8, 8, 2, 8, {4, 4}, {0, 1}},
    {"one token a window", 1, 3, 2, 2, 3, {1, 1}},
    {"window 8", 1, 16, 16, 1, 33, {8, 8}, {4, 4}},
    {"head_dim 1", 1, 4, 4, 4, 1, {2, 2}, {1, 1}},
    {"no bias", 1, 8, 8, 2, 32, {4, 4}, {2, 2}, true, false},
    {"padding masked", 2, 9, 11, 3, 16, {4, 4}, {0, 0}},
    {"padding masked, shifted", 2, 9, 11, 3, 16, {4, 4}, {2, 2}},
    {"padding attended", 2, 9, 11, 3, 16, {4, 4}, {0, 0}, false, true, true},
    {"padding attended, shifted", 1, 10, 12, 2, 32, {7, 7}, {3, 3}, false, true, true},
    {"padding of zeros", 1, 5, 9, 2, 8, {4, 4}, {1, 2}, false, true, false},
    {"masked padding ignores pad_qkv", 1, 5, 9, 2, 8, {4, 4}, {1, 2}, true, true, true},
    {"window larger than the map", 2, 3, 4, 2, 8, {7, 7}, {0, 0}, true},
    {"window larger than the map, attended", 1, 3, 4, 2, 8, {7, 7}, {3, 3}, false, true, true},
    {"cosine", 2, 8, 8, 3, 32, {4, 4}, {2, 2}, true, true, false, true},
    {"cosine, padded", 1, 9, 10, 4, 3, {4, 4}, {2, 2}, false, true, true, true},
    {"rolled first", 2, 9, 11, 3, 16, {4, 4}, {2, 2}, false, true, true, false, true},
    {"rolled first, masked", 1, 10, 12, 2, 8, {4, 5}, {2, 1}, true, true, false, false, true},
    {"rolled first, one axis", 1, 6, 10, 2, 8, {6, 7}, {0, 3}, false, true, true, true, true},
    {"rolled first, no padding", 1, 8, 8, 2, 8, {4, 4}, {2, 2}, false, true, true, false, true},
    {"rolled first, shift above the map",
     1,
     2,
     9,
     2,
     8,
     {7, 4},
     {5, 2},
     false,
     true,
     true,
     false,
     true},
    {"cosine, window 7", 1, 7, 14, 2, 17, {7, 7}, {3, 3}, true, false, false, true},
};

struct Setup {
  explicit Setup(const WindowCase& c, float scale = 1.0f) : channels(c.heads * c.head_dim) {
    const std::int64_t n = c.window[0] * c.window[1];
    qkv = random_tensor({c.batch, c.height, c.width, 3 * channels}, 1, scale);
    if (c.bias) bias = random_tensor({c.heads, n, n}, 2, 0.5f);
    if (c.pad) pad = random_tensor({3 * channels}, 3, scale);
    if (c.cosine) {
      logit_scale = random_tensor({c.heads}, 4, 0.3f);
      for (float& value : logit_scale.span()) value += 1.5f;
      logit_scale.f32()[0] = 4.7f;  // above ln 100
    }
    config = {.num_heads = c.heads,
              .window = c.window,
              .shift = c.shift,
              .mask_padding = c.mask_padding,
              .roll_first = c.roll_first,
              .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim))};
    reference = {c.batch, c.height, c.width, channels, config};
  }

  std::vector<Tensor> inputs() const {
    std::vector<Tensor> present{qkv};
    for (const Tensor* extra : {&bias, &pad, &logit_scale}) {
      if (*extra) present.push_back(*extra);
    }
    return present;
  }

  // The op on variables in the order of inputs().
  Var run(Tape& tape, std::span<const Var> vars) const {
    std::size_t next = 1;
    const auto take = [&](const Tensor& t) { return t ? vars[next++] : Var{}; };
    const Var b = take(bias), p = take(pad), l = take(logit_scale);
    return ops::window_attention(tape, vars[0], b, p, l, config);
  }

  Var run_eval() const {
    Tape tape({.training = false});
    std::vector<Var> vars;
    for (const Tensor& input : inputs()) vars.push_back(tape.constant(input));
    return run(tape, vars);
  }

  AttentionInputs in_double() const {
    const auto copy = [](const Tensor& t) {
      return t ? std::vector<double>(t.span().begin(), t.span().end()) : std::vector<double>();
    };
    return {copy(qkv), copy(bias), copy(pad), copy(logit_scale)};
  }

  std::int64_t channels;
  Tensor qkv, bias, pad, logit_scale;
  WindowAttentionConfig config;
  AttentionReference reference;
};

Tensor to_tensor(const Shape& shape, const std::vector<double>& values) {
  const std::vector<float> rounded(values.begin(), values.end());
  return Tensor::from(shape, std::span<const float>(rounded));
}

TEST_CASE("window attention agrees with a literal double-precision reference") {
  for (const WindowCase& c : kWindowCases) {
    for (const VectorTarget target : vector_targets()) {
      CAPTURE(std::string(c.name));
      CAPTURE(name_of(target));
      Setup setup(c);
      setup.config.target = target;
      const Tensor out = setup.run_eval().value;
      CHECK(out.shape() == Shape{c.batch, c.height, c.width, setup.channels});
      const Tensor expected = to_tensor(out.shape(), setup.reference(setup.in_double()));
      CHECK(relative_error(out, expected) < 5e-6);
    }
  }
}

// d sum(reference * probe) / d values[i] by central differences in double precision.
double numeric_gradient(const Setup& setup, AttentionInputs& in, std::vector<double>& values,
                        std::size_t i, const Tensor& probe) {
  constexpr double kStep = 1e-5;
  const auto loss = [&] {
    const std::vector<double> out = setup.reference(in);
    double sum = 0.0;
    for (std::size_t k = 0; k < out.size(); ++k) sum += out[k] * double{probe.span()[k]};
    return sum;
  };
  const double kept = values[i];
  values[i] = kept + kStep;
  const double above = loss();
  values[i] = kept - kStep;
  const double below = loss();
  values[i] = kept;
  return (above - below) / (2.0 * kStep);
}

TEST_CASE("gradients of window attention agree with differences of the reference") {
  constexpr std::uint32_t kPoints = 24;
  for (const WindowCase& c : kWindowCases) {
    for (const VectorTarget target : vector_targets()) {
      Setup setup(c);
      setup.config.target = target;
      Tape tape;
      std::vector<Var> leaves;
      for (const Tensor& input : setup.inputs()) leaves.push_back(tape.leaf(input));
      const Var out = setup.run(tape, leaves);
      const Tensor probe = random_tensor(out.shape(), 977);
      tape.backward(test::weighted_sum(tape, out, probe));

      AttentionInputs in = setup.in_double();
      std::vector<std::vector<double>*> values;
      for (std::vector<double>* v : {&in.qkv, &in.bias, &in.pad, &in.logit_scale}) {
        if (!v->empty()) values.push_back(v);
      }
      Rng rng(5, Stream::kSynthetic, 0, 0);
      for (std::size_t input = 0; input < leaves.size(); ++input) {
        const Tensor grad = tape.grad(leaves[input]);
        REQUIRE(grad);
        double largest = 0.1;
        for (const float g : grad.span()) largest = std::max(largest, std::abs(double{g}));
        const auto count = static_cast<std::uint32_t>(values[input]->size());
        for (std::uint32_t point = 0; point < std::min(kPoints, count); ++point) {
          const std::size_t i = count <= kPoints ? point : rng.below(count);
          const double expected = numeric_gradient(setup, in, *values[input], i, probe);
          CHECK_MESSAGE(std::abs(double{grad.span()[i]} - expected) < 2e-5 * largest, c.name, ", ",
                        name_of(target), ", input ", input, ", element ", i, ": ", grad.span()[i],
                        " against ", expected, ", largest ", largest);
        }
      }
    }
  }
}

TEST_CASE("large logits neither overflow nor vanish") {
  const Setup setup({"", 1, 7, 7, 1, 32, {7, 7}}, 30.0f);
  const Tensor out = setup.run_eval().value;
  const Tensor expected = to_tensor(out.shape(), [&] {
    AttentionInputs in = setup.in_double();
    return setup.reference(in);
  }());
  CHECK(relative_error(out, expected) < 1e-3);
}

// Of a bf16 map, against the reference on the same values.
double error_in_bf16(const WindowCase& c, float scale, VectorTarget target) {
  Setup setup(c, scale);
  setup.config.target = target;
  const Tensor rounded = cast(setup.qkv, DType::kBF16);
  setup.qkv = cast(rounded, DType::kF32);
  const std::vector<double> expected = setup.reference(setup.in_double());
  setup.qkv = rounded;
  const Tensor out = cast(setup.run_eval().value, DType::kF32);
  return relative_error(out, to_tensor(out.shape(), expected));
}

// Of the largest value: the result is rounded by at most 2^-8 of itself, and before it, where
// products are of bf16, the probabilities likewise.
TEST_CASE("window attention in bf16 agrees with the reference as far as bf16 can show") {
  for (const VectorTarget target : vector_targets()) {
    CAPTURE(name_of(target));
    const double bound = vector_kernels(target).attention->has_dots ? 6e-3 : 4e-3;
    for (const WindowCase& c : kWindowCases) {
      CAPTURE(std::string(c.name));
      CHECK(error_in_bf16(c, 1.0f, target) < bound);
    }
    CHECK(error_in_bf16({"", 1, 7, 7, 1, 32, {7, 7}}, 30.0f, target) < bound);
    CHECK(error_in_bf16({"", 1, 4, 8, 2, 16, {4, 4}}, 30.0f, target) < bound);
  }
}

TEST_CASE("window attention refuses what does not fit") {
  Tape tape;
  const Var qkv = tape.constant(Tensor::zeros({1, 4, 4, 24}));
  const WindowAttentionConfig good{.num_heads = 2, .window = {2, 2}};
  const auto refuse = [&](const Var& q, const Var& bias, const Var& pad, const Var& logit_scale,
                          const WindowAttentionConfig& config) {
    CHECK_THROWS_AS(ops::window_attention(tape, q, bias, pad, logit_scale, config), ShapeError);
  };
  CHECK_NOTHROW(ops::window_attention(tape, qkv, {}, {}, {}, good));
  const auto with = [&](auto change) {
    WindowAttentionConfig config = good;
    change(config);
    return config;
  };
  refuse(qkv, {}, {}, {}, with([](auto& c) { c.num_heads = 5; }));
  refuse(qkv, {}, {}, {}, with([](auto& c) { c.num_heads = 0; }));
  refuse(qkv, {}, {}, {}, with([](auto& c) { c.window = {0, 2}; }));
  refuse(qkv, {}, {}, {}, with([](auto& c) { c.shift = {0, 2}; }));
  refuse(qkv, {}, {}, {}, with([](auto& c) { c.shift = {-1, 0}; }));
  refuse(tape.constant(Tensor::zeros({4, 4, 24})), {}, {}, {}, good);
  refuse(tape.constant(Tensor::zeros({1, 4, 4, 25})), {}, {}, {}, good);
  refuse(qkv, tape.constant(Tensor::zeros({2, 4, 5})), {}, {}, good);
  refuse(qkv, {}, tape.constant(Tensor::zeros({8})), {}, good);
  refuse(qkv, {}, {}, tape.constant(Tensor::zeros({3})), good);
}

}  // namespace
}  // namespace tessera
