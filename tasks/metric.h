// Figures of an evaluation by name: what files, charts and comparisons go by.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

enum class MetricFormat : std::uint8_t {
  kNumber,
  kShare,  ///< 0..1, shown in percent
};

/// One figure. Names are those of TensorBoard's tags: `train/loss`, `val/top1`, `test/miou`; a
/// meter, which knows no split, leaves the first part out.
struct Metric {
  std::string name;
  double value = 0.0;
  bool smaller_is_better = false;
  MetricFormat format = MetricFormat::kShare;
};

/// A figure with the facts that its name tells: names whose last part begins with `loss` are
/// losses, plain numbers of which the smaller is the better; all others are shares, the larger the
/// better.
Metric named_metric(std::string name, double value);

/// `val top-1`, `training loss`: the name as people read it.
std::string title_of_metric(std::string_view name);

/// `83.12 %`, `0.5213`
std::string text_of_metric(const Metric& metric);

/// `val/top1` of `top1`, `train/loss` of `train_loss`: the names of version 0.1, whose `test_`
/// figures were those of the validation after each epoch. Other names stay as they are.
std::string current_metric_name(std::string_view name);

/// Figures in the order in which they are shown.
class Metrics {
 public:
  /// In the place of one of the same name, or at the end.
  void set(std::string name, double value);

  /// nullptr if there is none.
  const Metric* find(std::string_view name) const;

  /// NaN if there is none.
  double value(std::string_view name) const;

  /// Appends all of `other` with `prefix` before their names.
  void append(const Metrics& other, std::string_view prefix = {});

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  bool empty() const { return entries_.empty(); }

 private:
  std::vector<Metric> entries_;
};

}  // namespace tessera
