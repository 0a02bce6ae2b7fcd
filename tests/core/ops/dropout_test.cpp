#include "core/ops/dropout.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/error.h"
#include "tests/support/op_check.h"

namespace tessera {
namespace {

using test::random_tensor;

TEST_CASE("dropout zeroes the stated share, rescales the rest and keeps the mean") {
  const Tensor x = Tensor::full({8, 100, 101}, 1.0f);
  for (const float rate : {0.1f, 0.5f, 0.9f}) {
    CAPTURE(rate);
    Tape tape({.seed = 5, .step = 3});
    const Tensor y = ops::dropout(tape, tape.constant(x), rate, 1).value;
    std::int64_t zeros = 0;
    for (const float value : y.span()) {
      if (value == 0.0f) {
        ++zeros;
      } else {
        REQUIRE(value == doctest::Approx(1.0f / (1.0f - rate)).epsilon(1e-4));
      }
    }
    const double share = static_cast<double>(zeros) / static_cast<double>(y.numel());
    const double sigma = std::sqrt(static_cast<double>(rate * (1 - rate)) / 80800.0);
    CHECK(std::abs(share - static_cast<double>(rate)) < 5 * sigma);
  }
}

TEST_CASE("dropout repeats its mask in the backward pass") {
  const Tensor x = random_tensor({3, 7, 5}, 1);
  Tape tape({.seed = 1});
  const Var leaf = tape.leaf(x);
  const Var y = ops::dropout(tape, leaf, 0.4f, 2);
  const Tensor probe = Tensor::full({3, 7, 5}, 1.0f);
  tape.backward(test::weighted_sum(tape, y, probe));
  const Tensor grad = tape.grad(leaf);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    CHECK(y.value.f32()[i] == doctest::Approx(grad.f32()[i] * x.f32()[i]));
  }
}

TEST_CASE("dropout masks differ by draw, step and sample and do not depend on the batch") {
  const Tensor x = Tensor::full({4, 64}, 1.0f);
  const auto mask = [&](std::uint64_t step, std::uint64_t sample, std::uint32_t draw) {
    Tape tape({.seed = 1, .step = step, .sample = sample});
    return ops::dropout(tape, tape.constant(x), 0.5f, draw).value;
  };
  const Tensor base = mask(0, 0, 0);
  CHECK(test::relative_error(mask(0, 0, 0), base) == 0.0);
  CHECK(test::relative_error(mask(1, 0, 0), base) > 0.0);
  CHECK(test::relative_error(mask(0, 0, 1), base) > 0.0);
  CHECK(test::relative_error(mask(0, 1, 0).slice(0, {64}), base.slice(64, {64})) == 0.0);
}

TEST_CASE("dropout and stochastic depth do nothing in evaluation and at rate 0") {
  const Tensor x = random_tensor({2, 3}, 1);
  Tape eval({.training = false}), training;
  CHECK(ops::dropout(eval, eval.constant(x), 0.5f, 0).value.raw() == x.raw());
  CHECK(ops::dropout(training, training.leaf(x), 0.0f, 0).value.raw() == x.raw());
  CHECK_FALSE(static_cast<bool>(ops::drop_path_scale(eval, 2, 0.5f, 0)));
  CHECK_FALSE(static_cast<bool>(ops::drop_path_scale(training, 2, 0.0f, 0)));
}

TEST_CASE("drop_path_scale drops the stated share of samples") {
  Tape tape({.seed = 9});
  const Tensor scale = ops::drop_path_scale(tape, 20000, 0.2f, 0);
  double mean = 0.0;
  for (const float value : scale.span()) {
    REQUIRE((value == 0.0f || value == 1.25f));
    mean += static_cast<double>(value) / 20000.0;
  }
  CHECK(mean == doctest::Approx(1.0).epsilon(0.02));
  Tape later({.seed = 9, .sample = 7});
  const Tensor shifted = ops::drop_path_scale(later, 1000, 0.2f, 0);
  CHECK(test::relative_error(shifted, scale.slice(7, {1000})) == 0.0);
}

TEST_CASE("add_scaled applies one factor a sample") {
  const Tensor x = random_tensor({5, 3, 7}, 1), branch = random_tensor({5, 3, 7}, 2);
  Tape tape({.seed = 2});
  const Tensor scale = ops::drop_path_scale(tape, 5, 0.4f, 3);
  const Tensor sum = ops::add_scaled(tape, tape.constant(x), tape.constant(branch), scale).value;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const float factor = scale.f32()[i / 21];
    CHECK(sum.f32()[i] == doctest::Approx(x.f32()[i] + factor * branch.f32()[i]));
  }
}

TEST_CASE("add_scaled of large maps is split between samples correctly") {
  const Tensor x = random_tensor({3, 33333}, 1), scale = random_tensor({3}, 2);
  Tape tape({.training = false});
  const Tensor sum = ops::add_scaled(tape, tape.constant(x), tape.constant(x), scale).value;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    REQUIRE(sum.f32()[i] == doctest::Approx(x.f32()[i] * (1.0f + scale.f32()[i / 33333])));
  }
}

TEST_CASE("rates and shapes that cannot be meant are refused") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3})), y = tape.constant(Tensor::zeros({2, 4}));
  CHECK_THROWS_AS(ops::dropout(tape, x, 1.0f, 0), ConfigError);
  CHECK_THROWS_AS(ops::dropout(tape, x, -0.1f, 0), ConfigError);
  CHECK_THROWS_AS(ops::dropout(tape, x, std::nanf(""), 0), ConfigError);
  CHECK_THROWS_AS(ops::drop_path_scale(tape, 2, 1.5f, 0), ConfigError);
  CHECK_THROWS_AS(ops::add_scaled(tape, x, y, {}), ShapeError);
  CHECK_THROWS_AS(ops::add_scaled(tape, x, x, Tensor::zeros({3})), ShapeError);
}

TapeOptions at_step(std::uint64_t step, std::uint64_t sample = 0) {
  return {.seed = 7, .step = step, .sample = sample};
}

Tensor dropped(const TapeOptions& options, const Shape& shape, std::uint32_t draw = 1) {
  Tape tape(options);
  return ops::channel_dropout(tape, tape.constant(Tensor::full(shape, 1.0f)), 0.25f, draw).value;
}

bool same(const Tensor& a, const Tensor& b) {
  return std::equal(a.span().begin(), a.span().end(), b.span().begin(), b.span().end());
}

TEST_CASE("channel_dropout drops whole maps at its rate and scales the others") {
  const Tensor y = dropped(at_step(0), {20, 3, 5, 100});
  int zeros = 0;
  for (std::int64_t b = 0; b < 20; ++b) {
    for (std::int64_t c = 0; c < 100; ++c) {
      const float first = y.f32()[b * 1500 + c];
      CHECK((first == 0.0f || first == doctest::Approx(4.0 / 3.0)));
      zeros += first == 0.0f ? 1 : 0;
      for (std::int64_t place = 0; place < 15; ++place) {
        REQUIRE(y.f32()[b * 1500 + place * 100 + c] == first);
      }
    }
  }
  CHECK(std::abs(zeros - 500) < 4 * 19);  // four standard deviations
}

TEST_CASE("channel_dropout draws by address: step, sample and draw") {
  const Shape shape{3, 2, 2, 64};
  CHECK(same(dropped(at_step(4), shape), dropped(at_step(4), shape)));
  CHECK_FALSE(same(dropped(at_step(4), shape), dropped(at_step(5), shape)));
  CHECK_FALSE(same(dropped(at_step(4), shape), dropped(at_step(4), shape, 2)));
  const Tensor all = dropped(at_step(4), shape), rest = dropped(at_step(4, 1), {2, 2, 2, 64});
  CHECK(same(all.slice(256, {2, 2, 2, 64}), rest));
}

TEST_CASE("channel_dropout is the identity in evaluation and at rate 0") {
  Tape tape({.training = false}), training;
  const Var x = tape.constant(Tensor::full({2, 3, 3, 4}, 1.0f));
  CHECK(ops::channel_dropout(tape, x, 0.5f, 1).value.raw() == x.value.raw());
  CHECK(ops::channel_dropout(training, x, 0.0f, 1).value.raw() == x.value.raw());
}

TEST_CASE("channel_dropout refuses rates and shapes that cannot be meant") {
  Tape tape;
  const Var x = tape.constant(Tensor::zeros({2, 3, 3, 4}));
  CHECK_THROWS_AS(ops::channel_dropout(tape, x, 1.0f, 1), ConfigError);
  CHECK_THROWS_AS(ops::channel_dropout(tape, x, -0.1f, 1), ConfigError);
  CHECK_THROWS_AS(ops::channel_dropout(tape, tape.constant(Tensor::zeros({4})), 0.1f, 1),
                  ShapeError);
}

}  // namespace
}  // namespace tessera
