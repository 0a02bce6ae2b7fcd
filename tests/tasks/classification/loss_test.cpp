#include "tasks/classification/loss.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

Batch batch_of(const std::vector<std::int32_t>& labels) {
  Batch batch;
  batch.labels = Tensor::empty({static_cast<std::int64_t>(labels.size())}, DType::kI32);
  std::copy(labels.begin(), labels.end(), batch.labels.data<std::int32_t>());
  return batch;
}

TEST_CASE("loss: targets of mixed labels, smoothed") {
  Batch batch = batch_of({0, 3});
  batch.other_labels = batch_of({3, 3}).labels;
  batch.own_share = 0.75f;
  const Tensor targets = soft_targets(batch, 4, 0.2f);
  const float expected[] = {0.05f + 0.6f, 0.05f, 0.05f, 0.05f + 0.2f, 0.05f, 0.05f, 0.05f, 0.85f};
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(targets.span()[i] == doctest::Approx(expected[i]));
  }
}

TEST_CASE("loss: an unmixed batch with other labels costs what it costs without") {
  Tape tape;
  const Var logits = tape.constant(test::random_tensor({3, 5}, 7));
  LossConfig config;
  config.label_smoothing = 0.1;
  Batch batch = batch_of({4, 0, 2});
  const float plain = classification_loss(tape, logits, batch, config).value.f32()[0];
  batch.other_labels = batch_of({2, 0, 4}).labels;
  CHECK(classification_loss(tape, logits, batch, config).value.f32()[0] == doctest::Approx(plain));
  batch.own_share = 0.0f;
  const Batch others = batch_of({2, 0, 4});
  CHECK(classification_loss(tape, logits, batch, config).value.f32()[0] ==
        doctest::Approx(classification_loss(tape, logits, others, config).value.f32()[0]));
}

TEST_CASE("loss: the binary one asks each class for its share of the target") {
  Tape tape;
  const Tensor values = test::random_tensor({2, 4}, 7);
  const Var logits = tape.constant(values);
  LossConfig config;
  config.name = LossName::kBinaryCrossEntropy;
  config.label_smoothing = 0.2;
  Batch batch = batch_of({0, 3});
  for (const bool mixed : {false, true}) {
    CAPTURE(mixed);
    if (mixed) {
      batch.other_labels = batch_of({3, 1}).labels;
      batch.own_share = 0.75f;
    }
    const double own = mixed ? 0.05 + 0.8 * 0.75 : 0.85, other = 0.05 + 0.8 * 0.25;
    double q[2][4] = {{own, 0.05, 0.05, 0.05}, {0.05, 0.05, 0.05, own}};
    if (mixed) q[0][3] = q[1][1] = other;
    double expected = 0.0;
    for (std::size_t i = 0; i < 8; ++i) {
      const double s = 1.0 / (1.0 + std::exp(-double{values.span()[i]}));
      const double target = q[i / 4][i % 4];
      expected -= (target * std::log(s) + (1.0 - target) * std::log(1.0 - s)) / 8.0;
    }
    CHECK(double{classification_loss(tape, logits, batch, config).value.f32()[0]} ==
          doctest::Approx(expected).epsilon(1e-5));
  }
}

TEST_CASE("loss: weights of classes count their images more, in cross entropy and focal") {
  Tape tape;
  const Tensor values = test::random_tensor({2, 3}, 7);
  const Var logits = tape.constant(values);
  const Tensor weights = Tensor::from({3}, std::vector<float>{2.0f, 0.5f, 1.0f});
  const auto log_p = [&](std::int64_t b, std::int64_t k) {
    double sum = 0.0;
    for (std::int64_t j = 0; j < 3; ++j) sum += std::exp(double{values.f32()[b * 3 + j]});
    return double{values.f32()[b * 3 + k]} - std::log(sum);
  };
  LossConfig config;
  const double plain = -(2.0 * log_p(0, 0) + 0.5 * log_p(1, 1)) / 2.0;
  CHECK(
      double{classification_loss(tape, logits, batch_of({0, 1}), config, weights).value.f32()[0]} ==
      doctest::Approx(plain).epsilon(1e-5));
  config.name = LossName::kFocal;
  config.focal_gamma = 2.0;
  const auto focal = [&](std::int64_t b, std::int64_t k) {
    return std::pow(1.0 - std::exp(log_p(b, k)), 2.0) * log_p(b, k);
  };
  const double expected = -(2.0 * focal(0, 0) + 0.5 * focal(1, 1)) / 2.0;
  CHECK(
      double{classification_loss(tape, logits, batch_of({0, 1}), config, weights).value.f32()[0]} ==
      doctest::Approx(expected).epsilon(1e-5));
}

TEST_CASE("loss: effective numbers weigh few images more, but less than their share") {
  const std::vector<float> weights = effective_weights({1000, 10, 0});
  CHECK(weights[2] == 0.0f);
  CHECK(double{weights[1] / weights[0]} ==
        doctest::Approx((1.0 - std::pow(0.999, 1000)) / (1.0 - std::pow(0.999, 10))));
  CHECK(double{1000.0f * weights[0] + 10.0f * weights[1]} == doctest::Approx(1010.0));
}

}  // namespace
}  // namespace tessera
