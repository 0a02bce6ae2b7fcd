// What one event shows, as TensorBoard's Summary message (tensorboard/compat/proto/summary.proto).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/dataset_info.h"

namespace tessera::tensorboard {

/// Counts of values in equal parts of the range that they fill.
struct Histogram {
  static constexpr int kBuckets = 60;  ///< TensorBoard shows 30

  double min = 0.0;
  double max = 0.0;
  double sum = 0.0;
  double sum_squares = 0.0;
  std::vector<double> limits;  ///< upper end of each part, the last of which is `max`
  std::vector<double> counts;
};

/// Of all values of `parts`, each times `scale`; those that are not finite do not count. Values
/// that are all the same are one part; without any value there is none.
Histogram histogram_of(std::span<const std::span<const float>> parts, float scale = 1.0f);

/// Values under tags. Tags of one start, `loss/train` and `loss/test`, are shown as one group.
class Summary {
 public:
  void scalar(std::string_view tag, double value);

  /// `png` are the bytes of a file of this shape.
  void image(std::string_view tag, const ImageShape& shape, std::string_view png);

  void histogram(std::string_view tag, const Histogram& histogram);

  /// Markdown.
  void text(std::string_view tag, std::string_view markdown);

  /// What a run was started with, for the tab HPARAMS: names and what YAML would read as a number,
  /// a truth or a text.
  void hyperparameters(std::span<const std::pair<std::string, std::string>> settings);

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace tessera::tensorboard
