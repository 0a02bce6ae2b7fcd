#include "tasks/segmentation/segmentation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>

#include "core/error.h"
#include "tasks/segmentation/meter.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

constexpr std::int64_t kClasses = 3;

constexpr double kAuxiliary = 0.25;

/// Masks of the size of the images, without scaling.
Batch batch_of(std::int64_t height, std::int64_t width, std::vector<std::int32_t> values) {
  const std::int64_t count = static_cast<std::int64_t>(values.size()) / (height * width);
  Batch batch;
  batch.images = Tensor::zeros({count, height, width, 3});
  batch.masks = Tensor::from({count, height, width}, std::span<const std::int32_t>(values));
  for (std::int64_t i = 0; i < count; ++i) {
    Target target;
    target.mask = {height, width, {}};
    for (std::int64_t p = 0; p < height * width; ++p) {
      target.mask.classes.push_back(
          static_cast<std::uint8_t>(values[static_cast<std::size_t>(i * height * width + p)]));
    }
    batch.originals.push_back(target);
    batch.original_sizes.push_back({height, width, 3});
  }
  return batch;
}

/// Mean over counted pixels of w (log sum exp - own logit) by w, in double, at the masks' own size.
double plain_loss(const Tensor& logits, const Batch& batch, const std::vector<double>& weights) {
  double sum = 0.0, counted = 0.0;
  const auto labels = batch.masks.span<std::int32_t>();
  for (std::size_t p = 0; p < labels.size(); ++p) {
    if (labels[p] == kIgnored) continue;
    double total = 0.0;
    for (std::size_t k = 0; k < kClasses; ++k) {
      total += std::exp(double{logits.f32()[p * kClasses + k]});
    }
    const auto label = static_cast<std::size_t>(labels[p]);
    sum += weights[label] * (std::log(total) - double{logits.f32()[p * kClasses + label]});
    counted += weights[label];
  }
  return sum / counted;
}

double loss_of(const Segmentation& task, std::vector<Tensor> outputs, const Batch& batch) {
  Tape tape({.training = true});
  std::vector<Var> vars;
  for (const Tensor& output : outputs) vars.push_back(tape.constant(output));
  return double{task.loss(tape, vars, batch).value.f32()[0]};
}

TEST_CASE("segmentation: the loss is the mean over counted pixels, weighted by class") {
  const Batch batch = batch_of(2, 3, {0, 1, 2, 255, 1, 0});
  const Tensor logits = test::random_tensor({1, 2, 3, kClasses}, 1);
  const Segmentation plain({}, kClasses, kAuxiliary);
  CHECK(loss_of(plain, {logits}, batch) ==
        doctest::Approx(plain_loss(logits, batch, {1, 1, 1})).epsilon(1e-6));
  const Segmentation weighted({ClassWeights::kGiven, {0.5f, 2.0f, 4.0f}}, kClasses, kAuxiliary);
  CHECK(loss_of(weighted, {logits}, batch) ==
        doctest::Approx(plain_loss(logits, batch, {0.5, 2, 4})).epsilon(1e-6));
}

TEST_CASE("segmentation: the auxiliary head adds its share") {
  const Batch batch = batch_of(2, 2, {0, 1, 2, 255});
  const Tensor main = test::random_tensor({1, 2, 2, kClasses}, 1);
  const Tensor auxiliary = test::random_tensor({1, 2, 2, kClasses}, 2);
  const Segmentation task({}, kClasses, kAuxiliary);
  CHECK(loss_of(task, {main, auxiliary}, batch) ==
        doctest::Approx(loss_of(task, {main}, batch) + 0.25 * loss_of(task, {auxiliary}, batch))
            .epsilon(1e-6));
}

TEST_CASE("segmentation: nothing to learn is a loss of 0") {
  const Batch batch = batch_of(1, 2, {255, 255});
  CHECK(loss_of(Segmentation({}, kClasses, kAuxiliary),
                {test::random_tensor({1, 1, 2, kClasses}, 1)}, batch) == 0.0);
}

TEST_CASE("segmentation: the mask that logits say, at the size of the stored image") {
  // Class 1 in the left half, class 2 in the right; the lower rows of the batch are padding.
  std::vector<float> values;
  for (int row = 0; row < 4; ++row) {
    for (int column = 0; column < 4; ++column) {
      values.insert(values.end(), {0.0f, column < 2 ? 1.0f : 0.0f, column < 2 ? 0.0f : 1.0f});
    }
  }
  Batch batch;
  batch.images = Tensor::zeros({1, 8, 8, 3});
  batch.sizes = {{4, 8, 3}};
  batch.original_sizes = {{3, 6, 3}};
  const Mask mask = predicted_mask(Tensor::from({1, 4, 4, 3}, values), batch, 0);
  CHECK(mask.height == 3);
  CHECK(mask.width == 6);
  CHECK(mask.classes ==
        std::vector<std::uint8_t>{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2});
}

TEST_CASE("segmentation: figures of a set, and of meters merged") {
  const Batch batch = batch_of(1, 4, {0, 0, 1, 255, 2, 1, 1, 0});
  const std::vector<std::vector<int>> said{{0, 1, 1, 2}, {2, 1, 0, 0}};
  std::vector<float> values(8 * kClasses, 0.0f);
  for (std::size_t p = 0; p < 8; ++p) {
    values[p * kClasses + static_cast<std::size_t>(said[p / 4][p % 4])] = 5.0f;
  }
  const Tensor logits = Tensor::from({2, 1, 4, kClasses}, values);
  SegmentationMeter meter(kClasses);
  meter.add(std::vector{logits}, batch);
  const Metrics metrics = meter.values();
  // Right: 0, 1 of the first image; 2, 1, 0 of the second: 5 of 7. IoU 2/4, 2/4, 1.
  CHECK(metrics.value("aacc") == doctest::Approx(5.0 / 7.0));
  CHECK(metrics.value("miou") == doctest::Approx((0.5 + 0.5 + 1.0) / 3.0));
  const double right = std::log(std::exp(5.0) + 2.0) - 5.0, wrong = std::log(std::exp(5.0) + 2.0);
  CHECK(metrics.value("loss") == doctest::Approx((5.0 * right + 2.0 * wrong) / 7.0).epsilon(1e-5));

  SegmentationMeter halves(kClasses);
  for (std::int64_t i = 0; i < 2; ++i) {
    Batch half = batch_of(1, 4, {});
    half.images = Tensor::zeros({1, 1, 4, 3});
    half.masks = batch.masks.slice(4 * i, {1, 1, 4});
    half.originals = {batch.originals[static_cast<std::size_t>(i)]};
    half.original_sizes = {{1, 4, 3}};
    SegmentationMeter one(kClasses);
    one.add(std::vector{logits.slice(12 * i, {1, 1, 4, kClasses})}, half);
    halves.merge(one);
  }
  CHECK(halves.samples() == 2);
  CHECK(halves.values().value("miou") == metrics.value("miou"));
  CHECK(halves.values().value("loss") == doctest::Approx(metrics.value("loss")).epsilon(1e-6));
}

TEST_CASE("segmentation: training counts the pixels in the middle of cells") {
  const Batch batch = batch_of(2, 4, {0, 1, 0, 2, 0, 1, 0, 255});
  const Tensor logits = Tensor::from({1, 1, 2, 3}, std::vector<float>{0, 1, 0, 1, 0, 0});
  // The cells' middles are (1, 1) and (1, 3), of which the last is ignored.
  const PixelCount count = count_right_pixels(logits, batch.masks);
  CHECK(count.right == 1);
  CHECK(count.counted == 1);
}

TEST_CASE("segmentation: balanced weights let rare classes count as much as common ones") {
  const std::vector<float> weights = balanced_weights({60, 30, 10, 0});
  CHECK(60 * weights[0] == doctest::Approx(30 * weights[1]));
  CHECK(60 * weights[0] == doctest::Approx(10 * weights[2]));
  CHECK(60 * weights[0] + 30 * weights[1] + 10 * weights[2] == doctest::Approx(100.0));
  CHECK(weights[3] == 0.0f);
  const std::vector<float> rare = balanced_weights({1000000, 1});
  CHECK(rare[1] / rare[0] == doctest::Approx(20.0).epsilon(1e-3));  // at most 10, by 1/2
}

}  // namespace
}  // namespace tessera
