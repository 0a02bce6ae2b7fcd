#include "tasks/segmentation/confusion.h"

#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"

namespace tessera {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double share(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? kNone : static_cast<double>(part) / static_cast<double>(whole);
}

double mean_of_known(std::int64_t count, const std::function<double(std::int64_t)>& value) {
  double sum = 0.0, known = 0.0;
  for (std::int64_t k = 0; k < count; ++k) {
    const double one = value(k);
    if (std::isnan(one)) continue;
    sum += one;
    known += 1.0;
  }
  return known == 0.0 ? kNone : sum / known;
}

}  // namespace

Confusion::Confusion(std::int64_t num_classes, std::int32_t ignored)
    : num_classes_(num_classes), ignored_(ignored) {
  if (num_classes < 1 || num_classes > 256) {
    fail<ShapeError>("[confusion] {} classes: there must be 1 to 256", num_classes);
  }
  counts_.resize(static_cast<std::size_t>(num_classes * num_classes));
}

template <typename T>
void Confusion::count(std::span<const T> truth, std::span<const T> prediction) {
  if (truth.size() != prediction.size()) {
    fail<ShapeError>("[confusion] {} pixels of truth and {} of a prediction", truth.size(),
                     prediction.size());
  }
  const auto is_class = [&](T value) { return value >= 0 && value < num_classes_; };
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == ignored_) continue;
    if (!is_class(truth[i]) || !is_class(prediction[i])) {
      fail<DataError>("[confusion] pixel {}: truth {}, prediction {}; classes are 0 to {}{}", i,
                      truth[i], prediction[i], num_classes_ - 1,
                      is_class(truth[i]) ? "" : fmt::format(", {} is ignored", ignored_));
    }
    ++counts_[static_cast<std::size_t>(truth[i] * num_classes_ + prediction[i])];
  }
}

void Confusion::add(std::span<const std::uint8_t> truth, std::span<const std::uint8_t> prediction) {
  count(truth, prediction);
}

void Confusion::add(std::span<const std::int32_t> truth, std::span<const std::int32_t> prediction) {
  count(truth, prediction);
}

void Confusion::merge(const Confusion& other) {
  if (other.num_classes_ != num_classes_) {
    fail<ShapeError>("[confusion] {} classes and {} cannot be added", num_classes_,
                     other.num_classes_);
  }
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

PixelScore Confusion::class_score(std::int64_t k) const {
  PixelScore score;
  for (std::int64_t other = 0; other < num_classes_; ++other) {
    score.truth += at(k, other);
    score.predicted += at(other, k);
  }
  const std::int64_t right = at(k, k);
  score.iou = share(right, score.truth + score.predicted - right);
  score.recall = share(right, score.truth);
  score.precision = share(right, score.predicted);
  score.dice = share(2 * right, score.truth + score.predicted);
  return score;
}

double Confusion::mean_iou() const {
  return mean_of_known(num_classes_, [this](std::int64_t k) { return class_score(k).iou; });
}

double Confusion::mean_accuracy() const {
  return mean_of_known(num_classes_, [this](std::int64_t k) { return class_score(k).recall; });
}

std::int64_t Confusion::pixels() const {
  std::int64_t sum = 0;
  for (const std::int64_t count : counts_) sum += count;
  return sum;
}

double Confusion::pixel_accuracy() const {
  std::int64_t right = 0;
  for (std::int64_t k = 0; k < num_classes_; ++k) right += at(k, k);
  return share(right, pixels());
}

double Confusion::frequency_weighted_iou() const {
  const std::int64_t all = pixels();
  if (all == 0) return kNone;
  double sum = 0.0;
  for (std::int64_t k = 0; k < num_classes_; ++k) {
    const PixelScore score = class_score(k);
    if (score.truth > 0) sum += static_cast<double>(score.truth) * score.iou;
  }
  return sum / static_cast<double>(all);
}

}  // namespace tessera
