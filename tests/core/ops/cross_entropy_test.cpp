#include "core/ops/cross_entropy.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/error.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using test::random_tensor;

Tensor labels_for(std::int64_t batch, std::int64_t classes) {
  Tensor labels = Tensor::empty({batch}, DType::kI32);
  for (std::int64_t b = 0; b < batch; ++b) {
    labels.data<std::int32_t>()[b] = static_cast<std::int32_t>((b * 7 + 3) % classes);
  }
  return labels;
}

double reference(const Tensor& logits, const Tensor& targets) {
  const std::int64_t batch = logits.dim(0), classes = logits.dim(1);
  double loss = 0.0;
  for (std::int64_t b = 0; b < batch; ++b) {
    double sum = 0.0;
    for (std::int64_t k = 0; k < classes; ++k) {
      sum += std::exp(double{logits.f32()[b * classes + k]});
    }
    for (std::int64_t k = 0; k < classes; ++k) {
      const std::int64_t i = b * classes + k;
      loss -= double{targets.f32()[i]} * (double{logits.f32()[i]} - std::log(sum));
    }
  }
  return loss / static_cast<double>(batch);
}

Tensor smoothed(const Tensor& labels, std::int64_t classes, float smoothing) {
  Tensor targets = Tensor::full({labels.dim(0), classes}, smoothing / static_cast<float>(classes));
  for (std::int64_t b = 0; b < labels.dim(0); ++b) {
    targets.f32()[b * classes + labels.data<std::int32_t>()[b]] += 1.0f - smoothing;
  }
  return targets;
}

TEST_CASE("cross_entropy agrees with a double-precision reference") {
  struct Case {
    std::int64_t batch, classes;
    float smoothing;
  };
  for (const Case& c : {Case{1, 1, 0.0f}, Case{1, 2, 0.0f}, Case{5, 10, 0.1f}, Case{3, 37, 0.3f},
                        Case{130, 101, 0.0f}, Case{4, 7, 1.0f}}) {
    CAPTURE(c.batch);
    CAPTURE(c.classes);
    const Tensor logits = random_tensor({c.batch, c.classes}, 1, 2.0f);
    const Tensor labels = labels_for(c.batch, c.classes);
    const Tensor targets = smoothed(labels, c.classes, c.smoothing);
    const test::Op hard = [&](Tape& t, std::span<const Var> v) {
      return ops::cross_entropy(t, v[0], labels, c.smoothing);
    };
    const test::Op soft = [&](Tape& t, std::span<const Var> v) {
      return ops::soft_cross_entropy(t, v[0], targets);
    };
    for (const test::Op& op : {hard, soft}) {
      Tape tape({.training = false});
      const Var loss = op(tape, std::vector<Var>{tape.constant(logits)});
      CHECK(loss.shape() == Shape{1});
      CHECK(std::abs(double{loss.value.f32()[0]} - reference(logits, targets)) < 2e-6);
    }
  }
}

TEST_CASE("cross_entropy is exact where a naive softmax overflows") {
  Tape tape({.training = false});
  const Tensor logits = Tensor::from({1, 3}, std::vector<float>{1e4f, -1e4f, 0.0f});
  const Tensor second = Tensor::from({1}, std::vector<std::int32_t>{1});
  CHECK(ops::cross_entropy(tape, tape.constant(logits), second).value.f32()[0] == 2e4f);
  const float infinity = std::numeric_limits<float>::infinity();
  const Tensor masked = Tensor::from({1, 2}, std::vector<float>{0.0f, -infinity});
  const Tensor first = Tensor::from({1}, std::vector<std::int32_t>{0});
  CHECK(ops::cross_entropy(tape, tape.constant(masked), first).value.f32()[0] == 0.0f);
  const Tensor onehot = Tensor::from({1, 2}, std::vector<float>{1.0f, 0.0f});
  CHECK(ops::soft_cross_entropy(tape, tape.constant(masked), onehot).value.f32()[0] == 0.0f);
}

TEST_CASE("cross_entropy of NaN logits is NaN") {
  Tape tape({.training = false});
  const Tensor logits = Tensor::from({1, 3}, std::vector<float>{0.0f, std::nanf(""), 0.0f});
  const Tensor label = Tensor::from({1}, std::vector<std::int32_t>{0});
  CHECK(std::isnan(ops::cross_entropy(tape, tape.constant(logits), label).value.f32()[0]));
}

TEST_CASE("losses refuse labels and shapes that do not fit") {
  Tape tape;
  const Var logits = tape.constant(Tensor::zeros({2, 4}));
  const auto labels = [](std::vector<std::int32_t> values) {
    return Tensor::from({static_cast<std::int64_t>(values.size())}, values);
  };
  try {
    ops::cross_entropy(tape, logits, labels({0, 4}));
    FAIL("label 4 of 4 classes was accepted");
  } catch (const DataError& error) {
    CHECK(std::string(error.what()) == "[cross_entropy] label 4 of sample 1 is not in [0, 4)");
  }
  CHECK_THROWS_AS(ops::cross_entropy(tape, logits, labels({0, -1})), DataError);
  CHECK_THROWS_AS(ops::cross_entropy(tape, logits, labels({0, 1, 2})), ShapeError);
  CHECK_THROWS_AS(ops::cross_entropy(tape, logits, Tensor::zeros({2})), ShapeError);
  CHECK_THROWS_AS(ops::cross_entropy(tape, logits, labels({0, 1}), 1.5f), ConfigError);
  CHECK_THROWS_AS(ops::cross_entropy(tape, tape.constant(Tensor::zeros({2, 4, 1})), labels({0, 1})),
                  ShapeError);
  CHECK_THROWS_AS(ops::cross_entropy(tape, tape.constant(Tensor::zeros({0, 4})), labels({})),
                  ShapeError);
  CHECK_THROWS_AS(ops::soft_cross_entropy(tape, logits, Tensor::zeros({2, 3})), ShapeError);
  CHECK_THROWS_AS(ops::soft_cross_entropy(tape, logits, Tensor::zeros({2, 4}, DType::kI32)),
                  ShapeError);
  CHECK_THROWS_AS(
      ops::soft_cross_entropy(tape, tape.constant(Tensor::zeros({4})), Tensor::zeros({4})),
      ShapeError);
}

using test::random_tensor;

float loss_of(const Tensor& logits, const Tensor& targets) {
  Tape tape({.training = false});
  const Var loss = ops::binary_cross_entropy(tape, tape.constant(logits), targets);
  CHECK(loss.shape() == Shape{1});
  return loss.value.f32()[0];
}

Tensor row(const std::vector<float>& values) {
  return Tensor::from({1, static_cast<std::int64_t>(values.size())}, values);
}

TEST_CASE("binary_cross_entropy agrees with a double-precision reference") {
  for (const Shape& shape : {Shape{1, 1}, Shape{3, 5}, Shape{7, 37}, Shape{130, 101}}) {
    CAPTURE(shape[0]);
    const Tensor logits = random_tensor(shape, 1, 3.0f);
    const Tensor targets = random_tensor(shape, 2);
    for (float& q : targets.span()) q = 0.5f + 0.5f * std::tanh(q);
    double expected = 0.0;
    for (std::size_t i = 0; i < logits.span().size(); ++i) {
      const double s = 1.0 / (1.0 + std::exp(-double{logits.span()[i]}));
      const double q = double{targets.span()[i]};
      expected -= q * std::log(s) + (1.0 - q) * std::log(1.0 - s);
    }
    expected /= static_cast<double>(logits.numel());
    CHECK(std::abs(double{loss_of(logits, targets)} - expected) < 2e-6);
  }
}

TEST_CASE("binary_cross_entropy is exact where a naive sigmoid is 0 or 1") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(loss_of(row({200.0f, -200.0f}), row({0.0f, 1.0f})) == 200.0f);
  CHECK(loss_of(row({200.0f, -200.0f}), row({1.0f, 0.0f})) == 0.0f);
  CHECK(loss_of(row({infinity, -infinity}), row({1.0f, 0.0f})) == 0.0f);
  CHECK(std::isnan(loss_of(row({std::nanf("")}), row({1.0f}))));
}

TEST_CASE("binary_cross_entropy: the gradient is the sigmoid less the target") {
  Tape tape;
  const Var logits = tape.leaf(row({0.0f, 100.0f, -100.0f, 0.0f}));
  tape.backward(ops::binary_cross_entropy(tape, logits, row({0.25f, 0.0f, 1.0f, 1.0f})));
  const Tensor grad = tape.grad(logits);
  CHECK(grad.f32()[0] == doctest::Approx(0.25 / 4));
  CHECK(grad.f32()[1] == doctest::Approx(1.0 / 4));
  CHECK(grad.f32()[2] == doctest::Approx(-1.0 / 4));
  CHECK(grad.f32()[3] == doctest::Approx(-0.5 / 4));
}

TEST_CASE("binary_cross_entropy refuses targets that do not fit") {
  Tape tape;
  const Var logits = tape.constant(Tensor::zeros({2, 4}));
  try {
    ops::binary_cross_entropy(tape, logits, Tensor::zeros({2, 3}));
    FAIL("targets of another shape were accepted");
  } catch (const ShapeError& error) {
    CHECK(std::string(error.what()) ==
          "[binary_cross_entropy] targets f32 [2, 3] do not fit logits [2, 4]: they must be f32 "
          "[2, 4]");
  }
  CHECK_THROWS_AS(ops::binary_cross_entropy(tape, logits, Tensor::zeros({2, 4}, DType::kI32)),
                  ShapeError);
  const Var flat = tape.constant(Tensor::zeros({4}));
  CHECK_THROWS_AS(ops::binary_cross_entropy(tape, flat, Tensor::zeros({4})), ShapeError);
}

TEST_CASE("focal_cross_entropy agrees with a double-precision reference") {
  for (const float gamma : {0.0f, 0.5f, 2.0f}) {
    const Tensor logits = random_tensor({7, 5}, 1, 3.0f);
    const Tensor targets = random_tensor({7, 5}, 2);
    double expected = 0.0;
    for (std::int64_t b = 0; b < 7; ++b) {
      double sum = 0.0;
      for (std::int64_t k = 0; k < 5; ++k) sum += std::exp(double{logits.f32()[b * 5 + k]});
      for (std::int64_t k = 0; k < 5; ++k) {
        const double p = std::exp(double{logits.f32()[b * 5 + k]}) / sum;
        expected -=
            double{targets.f32()[b * 5 + k]} * std::pow(1.0 - p, double{gamma}) * std::log(p) / 7.0;
      }
    }
    Tape tape({.training = false});
    const Var loss = ops::focal_cross_entropy(tape, tape.constant(logits), targets, gamma);
    CHECK(std::abs(double{loss.value.f32()[0]} - expected) < 2e-6);
  }
  Tape tape;
  const float infinity = std::numeric_limits<float>::infinity();
  const Var sure = tape.leaf(row({0.0f, -infinity}));
  const Var loss = ops::focal_cross_entropy(tape, sure, row({1.0f, 0.0f}), 0.5f);
  CHECK(loss.value.f32()[0] == 0.0f);
  tape.backward(loss);
  CHECK(tape.grad(sure).f32()[0] == 0.0f);
  CHECK_THROWS_AS(ops::focal_cross_entropy(tape, sure, row({1.0f, 0.0f}), -1.0f), ConfigError);
}

TEST_CASE("distillation is the divergence from the teacher at a temperature, times its square") {
  const Tensor logits = random_tensor({7, 5}, 1, 3.0f), teacher = random_tensor({7, 5}, 2, 4.0f);
  for (const float temperature : {0.7f, 1.0f, 3.0f}) {
    const auto shares = [&](const Tensor& z, std::int64_t b) {
      std::vector<double> p;
      double sum = 0.0;
      for (std::int64_t k = 0; k < 5; ++k) {
        p.push_back(std::exp(double{z.f32()[b * 5 + k]} / double{temperature}));
        sum += p.back();
      }
      for (double& share : p) share /= sum;
      return p;
    };
    double expected = 0.0;
    Tape tape;
    const Var leaf = tape.leaf(logits);
    const Var loss = ops::distillation(tape, leaf, teacher, temperature);
    tape.backward(loss);
    for (std::int64_t b = 0; b < 7; ++b) {
      const std::vector<double> p = shares(logits, b), q = shares(teacher, b);
      for (std::size_t k = 0; k < 5; ++k) {
        expected += double{temperature} * double{temperature} * q[k] * std::log(q[k] / p[k]) / 7.0;
        const float slope = tape.grad(leaf).f32()[b * 5 + static_cast<std::int64_t>(k)];
        CHECK(std::abs(double{slope} - double{temperature} * (p[k] - q[k]) / 7.0) < 1e-6);
      }
    }
    CHECK(double{loss.value.f32()[0]} == doctest::Approx(expected).epsilon(1e-5));
  }
  Tape tape;
  const Var same = tape.constant(teacher);
  CHECK(std::abs(ops::distillation(tape, same, teacher, 3.0f).value.f32()[0]) < 1e-6f);
  CHECK_THROWS_AS(ops::distillation(tape, same, teacher, 0.0f), ConfigError);
  CHECK_THROWS_AS(ops::distillation(tape, same, random_tensor({7, 4}, 1), 1.0f), ShapeError);
}

}  // namespace
}  // namespace tessera
