// Labels that are probably wrong, by what models say that have not seen the images.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tessera {

struct LabelError {
  std::int64_t sample = 0;
  std::int64_t suggested = 0;  ///< class
  double margin = 0.0;  ///< probability of the label less that of the likeliest other class: < 0
};

/// Confident learning (arXiv:1911.00068, section 3): of class k the threshold is the mean
/// probability of k over the samples with that label. A sample counts for the likeliest of the
/// classes whose thresholds its probabilities reach; where that is not its label, the label is
/// probably wrong. Sorted by margin, the most probable errors first. `probabilities` [N, K] must be
/// those of a model that was not trained on the sample; `labels` [N] in [0, K).
std::vector<LabelError> find_label_errors(std::span<const float> probabilities,
                                          std::span<const std::int64_t> labels,
                                          std::int64_t num_classes);

}  // namespace tessera
