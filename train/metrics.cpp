#include "train/metrics.h"

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

std::int64_t argmax(const float* logits, std::int64_t count) {
  return std::max_element(logits, logits + count) - logits;
}

double cross_entropy(const float* logits, std::int64_t count, std::int32_t label) {
  const double largest = *std::max_element(logits, logits + count);
  double sum = 0.0;
  for (std::int64_t k = 0; k < count; ++k) sum += std::exp(double{logits[k]} - largest);
  return largest + std::log(sum) - double{logits[label]};
}

Tensor as_f32(const Tensor& logits) {
  return logits.dtype() == DType::kF32 ? logits : cast(logits, DType::kF32);
}

}  // namespace

Metrics::Metrics(std::int64_t num_classes)
    : num_classes_(num_classes),
      confusion_(static_cast<std::size_t>(num_classes * num_classes), 0) {}

void Metrics::add(const Tensor& logits, const Tensor& labels) {
  const Tensor values = as_f32(logits);
  for (std::int64_t i = 0; i < values.dim(0); ++i) {
    const float* row = values.f32() + i * num_classes_;
    const std::int32_t label = labels.data<std::int32_t>()[i];
    const std::int64_t predicted = argmax(row, num_classes_);
    const auto larger =
        std::count_if(row, row + num_classes_, [&](float logit) { return logit > row[label]; });
    ++samples_;
    top1_ += predicted == label ? 1 : 0;
    top5_ += larger < 5 ? 1 : 0;
    loss_sum_ += cross_entropy(row, num_classes_, label);
    ++confusion_[static_cast<std::size_t>(label * num_classes_ + predicted)];
  }
}

double Metrics::top1() const {
  return samples_ == 0 ? 0.0 : static_cast<double>(top1_) / static_cast<double>(samples_);
}

double Metrics::top5() const {
  return samples_ == 0 ? 0.0 : static_cast<double>(top5_) / static_cast<double>(samples_);
}

double Metrics::loss() const {
  return samples_ == 0 ? 0.0 : loss_sum_ / static_cast<double>(samples_);
}

std::int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  const Tensor values = as_f32(logits);
  const std::int64_t classes = values.dim(-1);
  std::int64_t correct = 0;
  for (std::int64_t i = 0; i < values.dim(0); ++i) {
    correct +=
        argmax(values.f32() + i * classes, classes) == labels.data<std::int32_t>()[i] ? 1 : 0;
  }
  return correct;
}

}  // namespace tessera
