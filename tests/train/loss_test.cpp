#include "train/loss.h"

#include <doctest/doctest.h>

#include "core/ops/cross_entropy.h"
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
  TrainConfig config;
  config.label_smoothing = 0.1;
  Batch batch = batch_of({4, 0, 2});
  const float plain = training_loss(tape, logits, batch, config).value.f32()[0];
  batch.other_labels = batch_of({2, 0, 4}).labels;
  CHECK(training_loss(tape, logits, batch, config).value.f32()[0] == doctest::Approx(plain));
  batch.own_share = 0.0f;
  const Batch others = batch_of({2, 0, 4});
  CHECK(training_loss(tape, logits, batch, config).value.f32()[0] ==
        doctest::Approx(training_loss(tape, logits, others, config).value.f32()[0]));
}

}  // namespace
}  // namespace tessera
