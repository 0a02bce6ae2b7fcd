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

}  // namespace
}  // namespace tessera
