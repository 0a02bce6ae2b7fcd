#include "tasks/classification/meter.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

/// Logits whose softmax is `probabilities`.
Tensor logits_of(const Shape& shape, std::vector<float> probabilities) {
  for (float& value : probabilities) value = std::log(value) + 3.0f;
  return Tensor::from(shape, probabilities);
}

Tensor labels_of(std::vector<std::int32_t> labels) {
  return Tensor::from({static_cast<std::int64_t>(labels.size())},
                      std::span<const std::int32_t>(labels));
}

TEST_CASE("metrics: shares, loss and confusion of a few samples") {
  ClassificationMeter metrics(3);
  metrics.add(logits_of({2, 3}, {0.7f, 0.2f, 0.1f, 0.5f, 0.3f, 0.2f}), labels_of({0, 1}));
  metrics.add(logits_of({1, 3}, {0.1f, 0.1f, 0.8f}), labels_of({2}));
  CHECK(metrics.samples() == 3);
  CHECK(metrics.top1() == doctest::Approx(2.0 / 3.0));
  CHECK(metrics.top5() == 1.0);
  CHECK(metrics.loss() ==
        doctest::Approx(-(std::log(0.7) + std::log(0.3) + std::log(0.8)) / 3.0).epsilon(1e-6));
  CHECK(metrics.confusion() == std::vector<std::int64_t>{1, 0, 0, 1, 0, 0, 0, 0, 1});
}

TEST_CASE("metrics: precision, recall and F1 of a class") {
  ClassificationMeter metrics(3);
  // Two of class 0 and one of class 1 are taken for 0; class 2 neither exists nor is predicted.
  metrics.add(
      logits_of({4, 3}, {0.8f, 0.1f, 0.1f, 0.8f, 0.1f, 0.1f, 0.8f, 0.1f, 0.1f, 0.1f, 0.8f, 0.1f}),
      labels_of({0, 0, 1, 1}));
  const ClassScore first = metrics.class_score(0);
  CHECK(first.samples == 2);
  CHECK(first.predicted == 3);
  CHECK(first.precision == doctest::Approx(2.0 / 3.0));
  CHECK(first.recall == 1.0);
  CHECK(first.f1 == doctest::Approx(0.8));
  CHECK(metrics.class_score(1).recall == 0.5);
  CHECK(std::isnan(metrics.class_score(2).precision));
  CHECK(std::isnan(metrics.class_score(2).recall));
  CHECK(std::isnan(metrics.class_score(2).f1));
  CHECK(metrics.balanced_accuracy() == doctest::Approx(0.75));
  CHECK(metrics.macro_f1() == doctest::Approx((0.8 + 2.0 / 3.0) / 2.0));
}

TEST_CASE("metrics: the calibration error against its definition") {
  const std::vector<float> confidence = {0.51f, 0.52f, 0.93f, 0.95f, 0.99f, 0.75f};
  const std::vector<std::int32_t> labels = {0, 1, 0, 1, 0, 0};  // the prediction is always 0
  std::vector<float> probabilities;
  for (const float value : confidence)
    probabilities.insert(probabilities.end(), {value, 1 - value});
  ClassificationMeter metrics(2);
  metrics.add(logits_of({6, 2}, probabilities), labels_of(labels));
  // Bins of 1/15: {0.51, 0.52}, {0.93}, {0.95, 0.99}, {0.75}.
  const double expected = (std::abs(0.51 + 0.52 - 1) + std::abs(0.93 - 1) +
                           std::abs(0.95 + 0.99 - 1) + std::abs(0.75 - 1)) /
                          6.0;
  CHECK(metrics.calibration_error() == doctest::Approx(expected).epsilon(1e-5));
  CHECK(metrics.confidence_bins()[7].samples == 2);
  CHECK(metrics.confidence_bins()[7].correct == 1);
  CHECK(metrics.confidence_bins()[14].confidence_sum == doctest::Approx(1.94));
}

TEST_CASE("metrics: full confidence falls into the last bin, what is no number into the first") {
  ClassificationMeter metrics(2);
  const std::vector<float> logits = {200.0f, -200.0f, std::nanf(""), 0.0f};
  metrics.add(Tensor::from({2, 2}, logits), labels_of({0, 0}));
  CHECK(metrics.confidence_bins().back().samples == 1);
  CHECK(metrics.confidence_bins().front().samples == 1);
}

TEST_CASE("metrics: of equal logits the class of the lower number comes first") {
  ClassificationMeter metrics(10);
  std::vector<std::int32_t> labels(10);
  for (std::int32_t k = 0; k < 10; ++k) labels[static_cast<std::size_t>(k)] = k;
  metrics.add(Tensor::zeros({10, 10}), labels_of(labels));
  CHECK(metrics.top1() == 0.1);
  CHECK(metrics.top5() == 0.5);
  // One class ahead of the rest, of which four more come in by their numbers.
  ClassificationMeter ahead(10);
  const Tensor logits = Tensor::zeros({10, 10});
  for (std::int64_t i = 0; i < 10; ++i) logits.f32()[i * 10 + 7] = 1.0f;
  ahead.add(logits, labels_of(labels));
  CHECK(ahead.top1() == 0.1);
  CHECK(ahead.top5() == 0.5);
  CHECK(ahead.confusion()[77] == 1);
}

TEST_CASE("metrics: a sample whose logits are no numbers is wrong by all figures") {
  const float nan = std::nanf("");
  for (const std::vector<float>& logits :
       {std::vector<float>{nan, nan, nan}, {nan, 1.0f, 2.0f}, {3.0f, 1.0f, nan}}) {
    ClassificationMeter metrics(3), other(3);
    metrics.add(Tensor::from({1, 3}, logits), labels_of({0}));
    other.add(Tensor::from({1, 3}, logits), labels_of({0}));
    metrics.merge(other);
    CHECK(metrics.top1() == 0.0);
    CHECK(metrics.top5() == 0.0);
    CHECK(std::isnan(metrics.loss()));
    CHECK(metrics.class_score(0).samples == 2);
    CHECK(metrics.class_score(0).recall == 0.0);
    CHECK(metrics.class_score(0).predicted == 0);
  }
}

TEST_CASE("metrics: a mixed image is right by the label of its larger share") {
  const Tensor logits = logits_of({3, 3}, {0.7f, 0.2f, 0.1f, 0.2f, 0.7f, 0.1f, 0.1f, 0.1f, 0.8f});
  Batch batch;
  batch.labels = labels_of({0, 0, 0});
  CHECK(count_correct(logits, batch) == 1);
  batch.other_labels = labels_of({1, 1, 1});
  batch.own_share = 0.7f;
  CHECK(count_correct(logits, batch) == 1);
  batch.other_labels = labels_of({2, 1, 1});
  batch.own_share = 0.4f;
  CHECK(count_correct(logits, batch) == 1);
  batch.own_share = 0.5f;
  CHECK(count_correct(logits, batch) == 2);
}

TEST_CASE("metrics: nothing seen, nothing divided by") {
  const ClassificationMeter metrics(2);
  CHECK(metrics.top1() == 0.0);
  CHECK(metrics.loss() == 0.0);
  CHECK(metrics.calibration_error() == 0.0);
  CHECK(metrics.balanced_accuracy() == 0.0);
  CHECK(metrics.macro_f1() == 0.0);
}

}  // namespace
}  // namespace tessera
