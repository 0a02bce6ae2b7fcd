#include "report/probes/translation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tasks/classification/meter.h"

namespace tessera::report {
namespace {

constexpr std::int64_t kBatch = 64;

Tensor shifted(const Tensor& images, std::int64_t dy, std::int64_t dx) {
  const std::int64_t height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  Tensor moved = Tensor::empty(images.shape());
  for (std::int64_t i = 0; i < images.dim(0) * height * width; ++i) {
    const std::int64_t image = i / (height * width), y = i / width % height, x = i % width;
    const std::int64_t from = (image * height + std::max<std::int64_t>(0, y - dy)) * width +
                              std::max<std::int64_t>(0, x - dx);
    std::copy_n(images.f32() + from * channels, channels, moved.f32() + i * channels);
  }
  return moved;
}

/// Logits [B, K] without what is common to a row, which softmax does not see.
Tensor centered_logits(Learner& learner, const Tensor& images) {
  const std::int64_t size = images.numel() / images.dim(0);
  Tensor all;
  for (std::int64_t begin = 0; begin < images.dim(0); begin += kBatch) {
    const std::int64_t count = std::min(kBatch, images.dim(0) - begin);
    const Tensor logits = learner.predict(images.slice(
        begin * size, {count, images.dim(1), images.dim(2), images.dim(3)}));  // [count, K]
    if (!all) all = Tensor::empty({images.dim(0), logits.dim(1)});
    all.slice(begin * logits.dim(1), logits.shape()).copy_from(logits);
  }
  const std::int64_t classes = all.dim(1);
  for (std::int64_t i = 0; i < all.dim(0); ++i) {
    float mean = 0.0f;
    for (std::int64_t k = 0; k < classes; ++k) mean += all.f32()[i * classes + k];
    mean /= static_cast<float>(classes);
    for (std::int64_t k = 0; k < classes; ++k) all.f32()[i * classes + k] -= mean;
  }
  return all;
}

double mean_square_difference(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = double{a[i]} - double{b[i]};
    sum += difference * difference;
  }
  return sum / static_cast<double>(a.size());
}

/// Each row replaced by the mean of all.
Tensor mean_rows(const Tensor& logits) {
  const std::int64_t rows = logits.dim(0), classes = logits.dim(1);
  Tensor mean = Tensor::zeros(logits.shape());
  for (std::int64_t k = 0; k < classes; ++k) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < rows; ++i) sum += double{logits.f32()[i * classes + k]};
    for (std::int64_t i = 0; i < rows; ++i) {
      mean.f32()[i * classes + k] = static_cast<float>(sum / static_cast<double>(rows));
    }
  }
  return mean;
}

Tensor answers(const Tensor& logits) {
  Tensor labels = Tensor::empty({logits.dim(0)}, DType::kI32);
  for (std::int64_t i = 0; i < logits.dim(0); ++i) {
    const Tensor row = logits.slice(i * logits.dim(1), {logits.dim(1)});
    labels.data<std::int32_t>()[i] = static_cast<std::int32_t>(prediction_of(row.span()).predicted);
  }
  return labels;
}

}  // namespace

std::vector<Translation> translation_curve(Learner& learner, const Tensor& images,
                                           const Tensor& labels, std::int64_t most) {
  const Tensor still = centered_logits(learner, images);
  const Tensor first_answers = answers(still);
  const double spread = mean_square_difference(still.span(), mean_rows(still).span());
  const auto count = static_cast<double>(images.dim(0));
  std::vector<Translation> curve;
  for (std::int64_t pixels = 0; pixels <= most; ++pixels) {
    Translation point{.pixels = pixels};
    double change = 0.0;
    for (const auto& [dy, dx] : {std::array{pixels, std::int64_t{0}}, {std::int64_t{0}, pixels}}) {
      const Tensor logits = centered_logits(learner, shifted(images, dy, dx));
      change += 0.5 * mean_square_difference(logits.span(), still.span());
      point.same_answer += 0.5 * static_cast<double>(count_correct(logits, first_answers)) / count;
      point.right += 0.5 * static_cast<double>(count_correct(logits, labels)) / count;
    }
    point.logit_change = std::sqrt(change / std::max(spread, 1e-30));
    curve.push_back(point);
  }
  return curve;
}

}  // namespace tessera::report
