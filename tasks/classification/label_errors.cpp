#include "tasks/classification/label_errors.h"

#include <algorithm>
#include <cstddef>
#include <limits>

namespace tessera {
namespace {

/// Infinite for a class without samples: nothing counts for it.
std::vector<double> thresholds_of(std::span<const float> probabilities,
                                  std::span<const std::int64_t> labels, std::size_t classes) {
  std::vector<double> sums(classes, 0.0), counts(classes, 0.0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto label = static_cast<std::size_t>(labels[i]);
    sums[label] += double{probabilities[i * classes + label]};
    counts[label] += 1.0;
  }
  for (std::size_t k = 0; k < classes; ++k) {
    sums[k] = counts[k] > 0.0 ? sums[k] / counts[k] : std::numeric_limits<double>::infinity();
  }
  return sums;
}

}  // namespace

std::vector<LabelError> find_label_errors(std::span<const float> probabilities,
                                          std::span<const std::int64_t> labels,
                                          std::int64_t num_classes) {
  const auto classes = static_cast<std::size_t>(num_classes);
  const std::vector<double> thresholds = thresholds_of(probabilities, labels, classes);
  std::vector<LabelError> errors;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::span<const float> p = probabilities.subspan(i * classes, classes);
    const auto label = static_cast<std::size_t>(labels[i]);
    std::size_t counted = classes, other = label == 0 ? 1 : 0;
    for (std::size_t k = 0; k < classes; ++k) {
      const bool reaches = double{p[k]} >= thresholds[k];
      if (reaches && (counted == classes || p[k] > p[counted])) counted = k;
      if (k != label && p[k] > p[other]) other = k;
    }
    if (counted == classes || counted == label) continue;
    errors.push_back({static_cast<std::int64_t>(i), static_cast<std::int64_t>(counted),
                      double{p[label]} - double{p[other]}});
  }
  std::stable_sort(errors.begin(), errors.end(),
                   [](const LabelError& a, const LabelError& b) { return a.margin < b.margin; });
  return errors;
}

}  // namespace tessera
