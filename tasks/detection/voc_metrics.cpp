#include "tasks/detection/voc_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace tessera {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double overlap(const BoxXyxy& a, const BoxXyxy& b, double extra) {
  const double width = std::min(a.x1, b.x1) - std::max(a.x0, b.x0) + extra;
  const double height = std::min(a.y1, b.y1) - std::max(a.y0, b.y0) + extra;
  if (width <= 0.0 || height <= 0.0) return 0.0;
  const auto area = [extra](const BoxXyxy& box) {
    return (box.x1 - box.x0 + extra) * (box.y1 - box.y0 + extra);
  };
  return width * height / (area(a) + area(b) - width * height);
}

struct Curve {
  std::vector<double> recall, precision;
};

double ap_11_point(const Curve& curve) {
  double sum = 0.0;
  for (int point = 0; point <= 10; ++point) {
    double best = 0.0;
    for (std::size_t i = 0; i < curve.recall.size(); ++i) {
      if (curve.recall[i] >= point / 10.0) best = std::max(best, curve.precision[i]);
    }
    sum += best;
  }
  return sum / 11.0;
}

double ap_area(Curve curve) {
  for (std::size_t i = curve.precision.size(); i > 1; --i) {
    curve.precision[i - 2] = std::max(curve.precision[i - 2], curve.precision[i - 1]);
  }
  double area = 0.0, before = 0.0;
  for (std::size_t i = 0; i < curve.recall.size(); ++i) {
    area += (curve.recall[i] - before) * curve.precision[i];
    before = curve.recall[i];
  }
  return area;
}

}  // namespace

VocMetrics::VocMetrics(std::int64_t num_classes, const VocConfig& config)
    : config_(config), classes_(static_cast<std::size_t>(num_classes)) {}

void VocMetrics::add(std::span<const VocTruth> truths, std::span<const VocDetection> detections) {
  const auto class_of = [&](std::int32_t label) -> Class& {
    if (label < 0 || static_cast<std::size_t>(label) >= classes_.size()) {
      fail<DataError>("[voc_metrics] a box of class {}; classes are 0 to {}", label,
                      classes_.size() - 1);
    }
    return classes_[static_cast<std::size_t>(label)];
  };
  for (const VocTruth& truth : truths) class_of(truth.label).truths += truth.difficult ? 0 : 1;
  std::vector<const VocDetection*> order;
  for (const VocDetection& found : detections) order.push_back(&found);
  std::stable_sort(order.begin(), order.end(), [](const VocDetection* a, const VocDetection* b) {
    return a->score > b->score;
  });
  // Each takes the truth that it overlaps most, also one that is taken: then it is wrong.
  const double extra = config_.plus_one ? 1.0 : 0.0;
  std::vector<char> taken(truths.size());
  for (const VocDetection* found : order) {
    double best = 0.0;
    std::size_t chosen = truths.size();
    for (std::size_t g = 0; g < truths.size(); ++g) {
      if (truths[g].label != found->label) continue;
      const double value = overlap(found->box, truths[g].box, extra);
      if (value <= best) continue;
      best = value;
      chosen = g;
    }
    const bool meets = chosen < truths.size() && best >= config_.iou_threshold;
    if (meets && truths[chosen].difficult) continue;
    class_of(found->label).kept.push_back({found->score, meets && taken[chosen] == 0});
    if (meets) taken[chosen] = 1;
  }
}

void VocMetrics::merge(const VocMetrics& other) {
  if (other.classes_.size() != classes_.size()) {
    fail<ShapeError>("[voc_metrics] {} classes and {} cannot be added", classes_.size(),
                     other.classes_.size());
  }
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    const Class& from = other.classes_[k];
    classes_[k].truths += from.truths;
    classes_[k].kept.insert(classes_[k].kept.end(), from.kept.begin(), from.kept.end());
  }
}

VocClassScore VocMetrics::class_score(std::int64_t k) const {
  Class of = classes_[static_cast<std::size_t>(k)];
  if (of.truths == 0) return {0, kNone, kNone, kNone};
  std::stable_sort(of.kept.begin(), of.kept.end(),
                   [](const Kept& a, const Kept& b) { return a.score > b.score; });
  Curve curve;
  double right = 0.0;
  for (const Kept& kept : of.kept) {
    right += kept.right ? 1.0 : 0.0;
    curve.recall.push_back(right / static_cast<double>(of.truths));
    curve.precision.push_back(right / static_cast<double>(curve.recall.size()));
  }
  return {of.truths, ap_11_point(curve), ap_area(curve),
          curve.recall.empty() ? 0.0 : curve.recall.back()};
}

double VocMetrics::mean_ap_11_point() const {
  double sum = 0.0, count = 0.0;
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    if (classes_[k].truths == 0) continue;
    sum += class_score(static_cast<std::int64_t>(k)).ap_11_point;
    count += 1.0;
  }
  return count == 0.0 ? kNone : sum / count;
}

double VocMetrics::mean_ap_area() const {
  double sum = 0.0, count = 0.0;
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    if (classes_[k].truths == 0) continue;
    sum += class_score(static_cast<std::int64_t>(k)).ap_area;
    count += 1.0;
  }
  return count == 0.0 ? kNone : sum / count;
}

}  // namespace tessera
