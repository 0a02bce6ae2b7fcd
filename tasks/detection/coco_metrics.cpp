#include "tasks/detection/coco_metrics.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace tessera {
namespace {

constexpr std::size_t kLimit = 100;  // detections of a class in an image
constexpr std::size_t kPoints = 101;

struct SizeRange {
  double low, high;
  bool holds(double area) const { return area >= low && area <= high; }
};
constexpr std::array<SizeRange, 4> kSizeRanges = {
    {{0.0, 1e10}, {0.0, 32.0 * 32.0}, {32.0 * 32.0, 96.0 * 96.0}, {96.0 * 96.0, 1e10}}};

// As numpy's linspace has them, to the last bit.
double iou_threshold(std::size_t t) {
  return t == 9 ? 0.95 : 0.5 + static_cast<double>(t) * ((0.95 - 0.5) / 9.0);
}
double recall_point(std::size_t r) {
  return r == kPoints - 1 ? 1.0 : static_cast<double>(r) * 0.01;
}

double area_of(const BoxXywh& box) { return box.width * box.height; }

// Intersection over union; of a crowd, over the detection's own area.
double overlap(const BoxXywh& detection, const CocoTruth& truth) {
  const BoxXywh& box = truth.box;
  const double width =
      std::min(detection.width + detection.x, box.width + box.x) - std::max(detection.x, box.x);
  const double height =
      std::min(detection.height + detection.y, box.height + box.y) - std::max(detection.y, box.y);
  if (width <= 0.0 || height <= 0.0) return 0.0;
  const double inter = width * height;
  const double whole = truth.crowd ? area_of(detection) : area_of(detection) + area_of(box) - inter;
  return inter / whole;
}

/// Mean of the values that are not -1, or -1.
class MeanOfKnown {
 public:
  void add(double value) {
    if (value <= -1.0) return;
    sum_ += value;
    count_ += 1.0;
  }
  double value() const { return count_ == 0.0 ? -1.0 : sum_ / count_; }

 private:
  double sum_ = 0.0, count_ = 0.0;
};

std::uint64_t bit(std::size_t size, std::size_t threshold) {
  return std::uint64_t{1} << (10 * size + threshold);
}

constexpr unsigned kRankBits = 8;

}  // namespace

constexpr std::array<std::string_view, 12> CocoScores::kNames = {
    "AP",  "AP50", "AP75",  "AP_small", "AP_medium", "AP_large",
    "AR1", "AR10", "AR100", "AR_small", "AR_medium", "AR_large"};

CocoMetrics::CocoMetrics(std::int64_t num_classes)
    : classes_(static_cast<std::size_t>(num_classes)) {}

void CocoMetrics::add(std::int64_t image_id, std::span<const CocoTruth> truths,
                      std::span<const CocoDetection> detections) {
  std::vector<std::vector<const CocoTruth*>> truths_of(classes_.size());
  std::vector<std::vector<const CocoDetection*>> detections_of(classes_.size());
  const auto place = [&](std::int32_t label, const char* what) {
    if (label < 0 || static_cast<std::size_t>(label) >= classes_.size()) {
      fail<DataError>("[coco_metrics] image {}: a {} of class {}; classes are 0 to {}", image_id,
                      what, label, classes_.size() - 1);
    }
    return static_cast<std::size_t>(label);
  };
  for (const CocoTruth& truth : truths) truths_of[place(truth.label, "truth")].push_back(&truth);
  for (const CocoDetection& found : detections) {
    detections_of[place(found.label, "detection")].push_back(&found);
  }
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    std::stable_sort(
        detections_of[k].begin(), detections_of[k].end(),
        [](const CocoDetection* a, const CocoDetection* b) { return a->score > b->score; });
    if (detections_of[k].size() > kLimit) detections_of[k].resize(kLimit);
    match(image_id, truths_of[k], detections_of[k], classes_[k]);
  }
}

// Detections by falling score each take the free truth that they overlap most, of equals the later;
// truths that do not count (crowds, which stay free, and those of another size) only where none
// that counts is left.
void CocoMetrics::match(std::int64_t image_id, std::span<const CocoTruth* const> truths,
                        std::span<const CocoDetection* const> detections, Class& of) {
  const std::size_t first = of.kept.size();
  for (std::size_t d = 0; d < detections.size(); ++d) {
    of.kept.push_back({detections[d]->score, image_id, d, 0});
  }
  std::vector<double> overlaps;
  for (const CocoDetection* found : detections) {
    for (const CocoTruth* truth : truths) overlaps.push_back(overlap(found->box, *truth));
  }
  std::vector<std::size_t> order(truths.size());
  std::vector<char> taken(truths.size());
  for (std::size_t size = 0; size < kSizes; ++size) {
    const auto counts = [&](std::size_t g) {
      return !truths[g]->crowd && kSizeRanges[size].holds(truths[g]->area);
    };
    for (std::size_t g = 0; g < order.size(); ++g) order[g] = g;
    const auto rest = std::stable_partition(order.begin(), order.end(), counts);
    of.truths[size] += rest - order.begin();
    for (std::size_t t = 0; t < kThresholds; ++t) {
      std::fill(taken.begin(), taken.end(), char{0});
      for (std::size_t d = 0; d < detections.size(); ++d) {
        const double* row = overlaps.data() + d * truths.size();
        double best = std::min(iou_threshold(t), 1.0 - 1e-10);
        auto chosen = order.end();
        for (auto g = order.begin(); g != order.end(); ++g) {
          if (g == rest && chosen != order.end()) break;
          if (row[*g] < best || (taken[*g] != 0 && !truths[*g]->crowd)) continue;
          best = row[*g];
          chosen = g;
        }
        Kept& kept = of.kept[first + d];
        if (chosen != order.end()) taken[*chosen] = 1;
        if (chosen != order.end() && chosen >= rest) continue;
        if (chosen == order.end() || truths[*chosen]->zero_id) {
          if (kSizeRanges[size].holds(area_of(detections[d]->box))) kept.counts |= bit(size, t);
          continue;
        }
        kept.counts |= bit(size, t);
        kept.rank_and_right |= bit(size, t) << kRankBits;
      }
    }
  }
}

void CocoMetrics::merge(const CocoMetrics& other) {
  if (other.classes_.size() != classes_.size()) {
    fail<ShapeError>("[coco_metrics] {} classes and {} cannot be added", classes_.size(),
                     other.classes_.size());
  }
  for (std::size_t k = 0; k < classes_.size(); ++k) {
    Class& to = classes_[k];
    const Class& from = other.classes_[k];
    for (std::size_t size = 0; size < kSizes; ++size) to.truths[size] += from.truths[size];
    to.kept.insert(to.kept.end(), from.kept.begin(), from.kept.end());
  }
}

/// Average precision over the points of recall, and the last recall; -1 without truths.
struct CocoMetrics::Curve {
  double precision = -1.0;
  double recall = -1.0;
};

// `of.kept` by falling score. Only the first `limit` of an image and class are looked at.
CocoMetrics::Curve CocoMetrics::curve(const Class& of, std::size_t size, std::size_t threshold,
                                      std::uint64_t limit) {
  const auto truths = static_cast<double>(of.truths[size]);
  if (of.truths[size] == 0) return {};
  std::vector<double> recall, precision;
  double right = 0.0, wrong = 0.0;
  const std::uint64_t wanted = bit(size, threshold);
  for (const Kept& kept : of.kept) {
    if ((kept.rank_and_right & 0xff) >= limit) continue;
    if ((kept.rank_and_right >> kRankBits & wanted) != 0) {
      right += 1.0;
    } else if ((kept.counts & wanted) != 0) {
      wrong += 1.0;
    }
    recall.push_back(right / truths);
    precision.push_back(right / (wrong + right + std::numeric_limits<double>::epsilon()));
  }
  for (std::size_t i = precision.size(); i > 1; --i) {
    precision[i - 2] = std::max(precision[i - 2], precision[i - 1]);
  }
  double sum = 0.0;
  for (std::size_t r = 0; r < kPoints; ++r) {
    const auto at = std::lower_bound(recall.begin(), recall.end(), recall_point(r));
    if (at == recall.end()) break;
    sum += precision[static_cast<std::size_t>(at - recall.begin())];
  }
  return {sum / static_cast<double>(kPoints), recall.empty() ? 0.0 : recall.back()};
}

CocoScores CocoMetrics::scores() const {
  CocoScores result;
  std::array<MeanOfKnown, 12> means;
  for (const Class& unsorted : classes_) {
    Class of = unsorted;
    std::stable_sort(of.kept.begin(), of.kept.end(), [](const Kept& a, const Kept& b) {
      if (a.score != b.score) return a.score > b.score;
      if (a.image != b.image) return a.image < b.image;
      return (a.rank_and_right & 0xff) < (b.rank_and_right & 0xff);
    });
    std::array<MeanOfKnown, 12> own;
    for (std::size_t t = 0; t < kThresholds; ++t) {
      for (std::size_t size = 0; size < kSizes; ++size) {
        const Curve all = curve(of, size, t, kLimit);
        own[size == 0 ? 0 : 2 + size].add(all.precision);
        own[size == 0 ? 8 : 8 + size].add(all.recall);
        if (size == 0 && t == 0) own[1].add(all.precision);
        if (size == 0 && t == 5) own[2].add(all.precision);
      }
      own[6].add(curve(of, 0, t, 1).recall);
      own[7].add(curve(of, 0, t, 10).recall);
    }
    for (std::size_t i = 0; i < own.size(); ++i) means[i].add(own[i].value());
    result.classes.push_back({of.truths[0], static_cast<std::int64_t>(of.kept.size()),
                              own[0].value(), own[1].value(), own[2].value(), own[3].value(),
                              own[4].value(), own[5].value(), own[8].value()});
  }
  for (std::size_t i = 0; i < means.size(); ++i) result.stats[i] = means[i].value();
  return result;
}

}  // namespace tessera
