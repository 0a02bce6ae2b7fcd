#include "tasks/classification/meter.h"

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

bool has_nan(std::span<const float> logits) {
  return std::any_of(logits.begin(), logits.end(), [](float logit) { return std::isnan(logit); });
}

/// Classes that come before `label`: see ClassificationMeter.
std::int64_t rank_of(std::span<const float> logits, std::size_t label) {
  const float own = logits[label];
  const auto before = [&](float logit) { return logit > own; };
  return std::count_if(logits.begin(), logits.end(), before) +
         std::count(logits.begin(), logits.begin() + static_cast<std::ptrdiff_t>(label), own);
}

std::int64_t argmax(std::span<const float> logits) {
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

/// log(sum(exp(logits)))
double log_sum_exp(std::span<const float> logits) {
  const double largest = double{*std::max_element(logits.begin(), logits.end())};
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(double{logit} - largest);
  return largest + std::log(sum);
}

// What is no number falls into the first.
std::size_t bin_of(double confidence) {
  constexpr std::size_t kBins = ClassificationMeter::kConfidenceBins;
  const double place = confidence * static_cast<double>(kBins);
  return place > 0.0 ? std::min(static_cast<std::size_t>(place), kBins - 1) : 0;
}

double share(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

Tensor as_f32(const Tensor& logits) {
  return logits.dtype() == DType::kF32 ? logits : cast(logits, DType::kF32);
}

std::span<const float> row_of(const Tensor& logits, std::int64_t row) {
  const auto classes = static_cast<std::size_t>(logits.dim(-1));
  return logits.span().subspan(static_cast<std::size_t>(row) * classes, classes);
}

}  // namespace

ClassificationMeter::ClassificationMeter(std::int64_t num_classes)
    : num_classes_(num_classes),
      confusion_(static_cast<std::size_t>(num_classes * num_classes), 0),
      unanswered_(static_cast<std::size_t>(num_classes), 0) {}

void ClassificationMeter::add(const Tensor& logits, const Tensor& labels) {
  const Tensor values = as_f32(logits);
  for (std::int64_t i = 0; i < values.dim(0); ++i) {
    const std::span<const float> row = row_of(values, i);
    const std::int32_t label = labels.data<std::int32_t>()[i];
    const float own = row[static_cast<std::size_t>(label)];
    const Prediction guess = prediction_of(row);
    const bool answered = !has_nan(row);
    const bool right = answered && guess.predicted == label;
    ++samples_;
    top1_ += right ? 1 : 0;
    top5_ += answered && rank_of(row, static_cast<std::size_t>(label)) < 5 ? 1 : 0;
    loss_sum_.add(log_sum_exp(row) - double{own});
    ++(answered ? confusion_[static_cast<std::size_t>(label * num_classes_ + guess.predicted)]
                : unanswered_[static_cast<std::size_t>(label)]);
    ConfidenceBin& bin = bins_[bin_of(guess.confidence)];
    ++bin.samples;
    bin.correct += right ? 1 : 0;
    bin.confidence_sum += guess.confidence;
  }
}

void ClassificationMeter::merge(const Meter& other) {
  const auto& counted = dynamic_cast<const ClassificationMeter&>(other);
  samples_ += counted.samples_;
  top1_ += counted.top1_;
  top5_ += counted.top5_;
  loss_sum_.add(counted.loss_sum_);
  for (std::size_t i = 0; i < bins_.size(); ++i) {
    bins_[i].samples += counted.bins_[i].samples;
    bins_[i].correct += counted.bins_[i].correct;
    bins_[i].confidence_sum += counted.bins_[i].confidence_sum;
  }
  for (std::size_t i = 0; i < confusion_.size(); ++i) confusion_[i] += counted.confusion_[i];
  for (std::size_t k = 0; k < unanswered_.size(); ++k) unanswered_[k] += counted.unanswered_[k];
}

void ClassificationMeter::exchange(MeterState& state) {
  state(samples_);
  state(top1_);
  state(top5_);
  state(loss_sum_);
  state(bins_);
  state(confusion_);
  state(unanswered_);
}

Metrics ClassificationMeter::values() const {
  Metrics metrics;
  metrics.set("loss", loss());
  metrics.set("top1", top1());
  metrics.set("top5", top5());
  metrics.set("balanced_accuracy", balanced_accuracy());
  metrics.set("macro_f1", macro_f1());
  return metrics;
}

double ClassificationMeter::top1() const { return samples_ == 0 ? 0.0 : share(top1_, samples_); }

double ClassificationMeter::top5() const { return samples_ == 0 ? 0.0 : share(top5_, samples_); }

double ClassificationMeter::loss() const {
  return samples_ == 0 ? 0.0 : loss_sum_.value() / static_cast<double>(samples_);
}

double ClassificationMeter::balanced_accuracy() const {
  double sum = 0.0;
  std::int64_t classes = 0;
  for (std::int64_t k = 0; k < num_classes_; ++k) {
    const ClassScore score = class_score(k);
    if (score.samples == 0) continue;
    sum += score.recall;
    ++classes;
  }
  return classes == 0 ? 0.0 : sum / static_cast<double>(classes);
}

double ClassificationMeter::macro_f1() const {
  double sum = 0.0;
  std::int64_t classes = 0;
  for (std::int64_t k = 0; k < num_classes_; ++k) {
    const ClassScore score = class_score(k);
    if (score.samples + score.predicted == 0) continue;
    sum += score.f1;
    ++classes;
  }
  return classes == 0 ? 0.0 : sum / static_cast<double>(classes);
}

double ClassificationMeter::calibration_error() const {
  double sum = 0.0;
  for (const ConfidenceBin& bin : bins_) {
    sum += std::abs(bin.confidence_sum - static_cast<double>(bin.correct));
  }
  return samples_ == 0 ? 0.0 : sum / static_cast<double>(samples_);
}

ClassScore ClassificationMeter::class_score(std::int64_t k) const {
  const auto at = [&](std::int64_t row, std::int64_t column) {
    return confusion_[static_cast<std::size_t>(row * num_classes_ + column)];
  };
  ClassScore score;
  score.samples = unanswered_[static_cast<std::size_t>(k)];
  for (std::int64_t j = 0; j < num_classes_; ++j) {
    score.samples += at(k, j);
    score.predicted += at(j, k);
  }
  score.precision = share(at(k, k), score.predicted);
  score.recall = share(at(k, k), score.samples);
  score.f1 = share(2 * at(k, k), score.samples + score.predicted);
  return score;
}

Prediction prediction_of(std::span<const float> logits) {
  const std::int64_t best = argmax(logits);
  return {best, std::exp(double{logits[static_cast<std::size_t>(best)]} - log_sum_exp(logits))};
}

std::vector<double> probabilities_of(std::span<const float> logits) {
  const double log_sum = log_sum_exp(logits);
  std::vector<double> probabilities;
  for (const float logit : logits) probabilities.push_back(std::exp(double{logit} - log_sum));
  return probabilities;
}

std::int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  Batch batch;
  batch.labels = labels;
  return count_correct(logits, batch);
}

std::int64_t count_correct(const Tensor& logits, const Batch& batch) {
  const Tensor values = as_f32(logits);
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < values.dim(0); ++i) {
    const std::int64_t guess = argmax(row_of(values, i));
    const bool own = guess == batch.labels.data<std::int32_t>()[i];
    const bool other = batch.other_labels && guess == batch.other_labels.data<std::int32_t>()[i];
    const bool counts = (own && (!batch.other_labels || batch.own_share >= 0.5f)) ||
                        (other && batch.own_share <= 0.5f);
    correct += counts ? 1 : 0;
  }
  return correct;
}

}  // namespace tessera
