#include "tasks/detection/box_matches.h"

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace tessera {
namespace {

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                    : static_cast<double>(part) / static_cast<double>(whole);
}

double area(double x0, double y0, double x1, double y1) {
  return std::max(0.0, x1 - x0) * std::max(0.0, y1 - y0);
}

/// Intersection over union; of a crowd over the detection's area, as COCO has it.
double overlap(const Box& truth, const Detection& found) {
  const double inter = area(
      std::max(double{truth.x0}, double{found.x0}), std::max(double{truth.y0}, double{found.y0}),
      std::min(double{truth.x1}, double{found.x1}), std::min(double{truth.y1}, double{found.y1}));
  if (inter <= 0.0) return 0.0;
  const double own = area(double{found.x0}, double{found.y0}, double{found.x1}, double{found.y1});
  const double other = area(double{truth.x0}, double{truth.y0}, double{truth.x1}, double{truth.y1});
  return truth.crowd ? inter / own : inter / (own + other - inter);
}

constexpr std::size_t kNone = static_cast<std::size_t>(-1);

/// The best truth that overlaps enough, is not taken and passes; no crowd.
template <typename Passes>
std::size_t best_truth(std::span<const Box> truths, const Detection& found,
                       const std::vector<char>& taken, const Passes& passes) {
  std::size_t best = kNone;
  double most = BoxMatches::kOverlap;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    if (truths[i].crowd || taken[i] != 0 || !passes(truths[i])) continue;
    const double share = overlap(truths[i], found);
    if (share < most || (best != kNone && share == most)) continue;
    most = share;
    best = i;
  }
  return best;
}

bool in_crowd(std::span<const Box> truths, const Detection& found) {
  return std::ranges::any_of(truths, [&](const Box& truth) {
    return truth.crowd && truth.label == found.label &&
           overlap(truth, found) >= BoxMatches::kOverlap;
  });
}

}  // namespace

double OperatingPoint::precision() const { return ratio(right, right + wrong); }

double OperatingPoint::recall() const { return ratio(right, truths); }

double OperatingPoint::f1() const {
  return right == 0
             ? 0.0
             : 2.0 * static_cast<double>(right) / static_cast<double>(right + wrong + truths);
}

BoxMatches::BoxMatches(std::int64_t num_classes) : truths_(static_cast<std::size_t>(num_classes)) {}

BoxAssignment assign_boxes(std::span<const Box> truths, std::span<const Detection> detections) {
  BoxAssignment assignment;
  std::vector<char> of_class(truths.size(), 0), of_all(truths.size(), 0);
  const auto take = [](std::size_t truth, std::vector<char>& taken) {
    if (truth == kNone) return std::int64_t{-1};
    taken[truth] = 1;
    return static_cast<std::int64_t>(truth);
  };
  for (const Detection& found : detections) {
    const std::size_t own = best_truth(
        truths, found, of_class, [&](const Box& truth) { return truth.label == found.label; });
    const std::size_t any = best_truth(truths, found, of_all, [](const Box&) { return true; });
    assignment.ignored.push_back(own == kNone && any == kNone && in_crowd(truths, found));
    assignment.of_class.push_back(take(own, of_class));
    assignment.of_all.push_back(take(any, of_all));
  }
  return assignment;
}

void BoxMatches::add(std::span<const Box> truths, std::span<const Detection> detections) {
  for (const Box& truth : truths) {
    if (!truth.crowd) ++truths_.at(static_cast<std::size_t>(truth.label));
  }
  const BoxAssignment assignment = assign_boxes(truths, detections);
  for (std::size_t i = 0; i < detections.size(); ++i) {
    if (assignment.ignored[i]) continue;
    const std::int64_t any = assignment.of_all[i];
    kept_.push_back({detections[i].score, detections[i].label,
                     any < 0 ? -1 : truths[static_cast<std::size_t>(any)].label,
                     assignment.of_class[i] >= 0});
  }
}

void BoxMatches::merge(const BoxMatches& other) {
  if (other.truths_.size() != truths_.size()) {
    fail<ShapeError>("[box_matches] {} classes and {}", truths_.size(), other.truths_.size());
  }
  for (std::size_t k = 0; k < truths_.size(); ++k) truths_[k] += other.truths_[k];
  kept_.insert(kept_.end(), other.kept_.begin(), other.kept_.end());
}

std::vector<OperatingPoint> BoxMatches::curve(std::int64_t label) const {
  std::vector<Kept> own;
  for (const Kept& kept : kept_) {
    if (kept.label == label) own.push_back(kept);
  }
  std::ranges::stable_sort(own, std::ranges::greater{}, &Kept::score);
  std::vector<OperatingPoint> points;
  OperatingPoint point{.truths = truths_.at(static_cast<std::size_t>(label))};
  for (std::size_t i = 0; i < own.size(); ++i) {
    ++(own[i].right ? point.right : point.wrong);
    point.score = double{own[i].score};
    if (i + 1 == own.size() || own[i + 1].score != own[i].score) points.push_back(point);
  }
  return points;
}

OperatingPoint BoxMatches::point(std::int64_t label, double score) const {
  OperatingPoint point{.score = score, .truths = truths_.at(static_cast<std::size_t>(label))};
  for (const Kept& kept : kept_) {
    if (kept.label != label || double{kept.score} < score) continue;
    ++(kept.right ? point.right : point.wrong);
  }
  return point;
}

double BoxMatches::best_score() const {
  // Every score of every class, from the highest on, with the F1 of its class there.
  struct Step {
    double score;
    std::size_t label;
    double f1;
  };
  std::vector<Step> steps;
  for (std::size_t k = 0; k < truths_.size(); ++k) {
    if (truths_[k] == 0) continue;
    for (const OperatingPoint& point : curve(static_cast<std::int64_t>(k))) {
      steps.push_back({point.score, k, point.f1()});
    }
  }
  std::ranges::stable_sort(steps, std::ranges::greater{}, &Step::score);
  std::vector<double> f1(truths_.size(), 0.0);
  double sum = 0.0, best = 0.0, score = 1.0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    sum += steps[i].f1 - f1[steps[i].label];
    f1[steps[i].label] = steps[i].f1;
    const bool ends = i + 1 == steps.size() || steps[i + 1].score != steps[i].score;
    if (!ends || sum <= best) continue;
    best = sum;
    score = steps[i].score;
  }
  return score;
}

std::vector<std::int64_t> BoxMatches::confusion(double score) const {
  const std::size_t classes = truths_.size(), side = classes + 1;
  std::vector<std::int64_t> counts(side * side);
  for (std::size_t k = 0; k < classes; ++k) counts[k * side + classes] = truths_[k];
  for (const Kept& kept : kept_) {
    if (double{kept.score} < score) continue;
    const std::size_t row = kept.taken_for < 0 ? classes : static_cast<std::size_t>(kept.taken_for);
    ++counts[row * side + static_cast<std::size_t>(kept.label)];
    if (row < classes) --counts[row * side + classes];
  }
  return counts;
}

}  // namespace tessera
