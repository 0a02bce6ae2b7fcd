#include "train/lr_range.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"
#include "train/learner.h"
#include "train/teacher.h"
#include "train/trainer.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

/// Batches without end, epoch after epoch.
class Batches {
 public:
  Batches(const Config& config, const Dataset& train)
      : loader_(train, training_options(config)),
        batches_(static_cast<std::size_t>(config.data.accumulate)) {
    loader_.start_epoch(0);
  }

  std::span<const Batch> next() {
    for (Batch& batch : batches_) {
      if (loader_.next(batch)) continue;
      loader_.start_epoch(++epoch_);
      loader_.next(batch);
    }
    return batches_;
  }

 private:
  Loader loader_;
  std::vector<Batch> batches_;
  std::int64_t epoch_ = 0;
};

/// Says when a loss has come up again so far that higher rates tell nothing more.
class Divergence {
 public:
  bool operator()(double loss) {
    constexpr double kDecay = 0.8;  // of the mean: some five updates
    mean_ = kDecay * mean_ + (1.0 - kDecay) * loss;
    weight_ = kDecay * weight_ + (1.0 - kDecay);
    const double smooth = mean_ / weight_;
    if (!first_) first_ = smooth;
    lowest_ = std::min(lowest_, smooth);
    return smooth > lowest_ + std::max(0.5 * (*first_ - lowest_), 0.2 * *first_);
  }

 private:
  double mean_ = 0.0, weight_ = 0.0;
  double lowest_ = std::numeric_limits<double>::infinity();
  std::optional<double> first_;
};

void check(const LrRangeOptions& options) {
  if (!(options.from > 0.0) || !(options.to > options.from) || !std::isfinite(options.to)) {
    fail<ConfigError>("lr-find: needs 0 < --from < --to, got {} and {}", options.from, options.to);
  }
}

/// Means over neighbours, weighted by a triangle; ends have fewer of them.
void smooth(std::vector<LrRangePoint>& points, std::int64_t reach) {
  const auto count = static_cast<std::int64_t>(points.size());
  for (std::int64_t i = 0; i < count; ++i) {
    double sum = 0.0, weights = 0.0;
    // As far to the left as to the right, so that a slope stays what it is.
    const std::int64_t own = std::min({reach, i, count - 1 - i});
    for (std::int64_t j = -own; j <= own; ++j) {
      const auto weight = static_cast<double>(own + 1 - std::abs(j));
      sum += weight * points[static_cast<std::size_t>(i + j)].loss;
      weights += weight;
    }
    points[static_cast<std::size_t>(i)].smooth = sum / weights;
  }
}

/// To two digits, as people write rates.
double rounded(double lr) {
  const double unit = std::pow(10.0, std::floor(std::log10(lr)) - 1.0);
  return std::stod(fmt::format("{:.1e}", std::round(lr / unit) * unit));
}

}  // namespace

LrRange test_lr_range(const Config& config, const Dataset& train, const LrRangeOptions& options,
                      const ParameterStore* initial,
                      const std::function<void(const LrRangePoint&)>& on_point) {
  check(options);
  training_length(config, train.size());  // throws if there is no batch
  Learner learner(config);
  learner.learn_from(find_teacher(config));
  if (initial != nullptr) learner.start_from(*initial);
  Batches batches(config, train);
  Divergence diverges;
  LrRange range;
  const double ratio = options.to / options.from;
  for (std::int64_t step = 0; step < options.steps && !range.diverged; ++step) {
    const double share = static_cast<double>(step) /
                         static_cast<double>(std::max<std::int64_t>(1, options.steps - 1));
    const double lr = options.from * std::pow(ratio, share);
    try {
      const double loss = learner.update(batches.next(), step, lr).loss;
      range.points.push_back({lr, loss, loss});
      range.diverged = diverges(loss);
    } catch (const NonFiniteError&) {
      if (step == 0) throw;
      range.diverged = true;
      break;
    }
    if (on_point) on_point(range.points.back());
  }
  summarize(range);
  return range;
}

void summarize(LrRange& range) {
  const auto count = static_cast<std::int64_t>(range.points.size());
  if (count == 0) return;
  smooth(range.points, std::max<std::int64_t>(1, count / 20));
  const auto by_smooth = [](const LrRangePoint& a, const LrRangePoint& b) {
    return a.smooth < b.smooth;
  };
  const auto lowest = std::min_element(range.points.begin(), range.points.end(), by_smooth);
  range.lowest = lowest->lr;
  const double fall = range.points.front().smooth - lowest->smooth;
  if (fall < 0.05 * range.points.front().smooth) return;
  range.suggestion = rounded(lowest->lr / 4.0);
}

}  // namespace tessera
