// From data to a place along an axis, and the ticks that a reader expects there.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "report/plot/number.h"

namespace tessera::report {

struct AxisConfig {
  const char* label = "";
  Unit unit = Unit::kPlain;
  bool log = false;                     ///< ignored if a value is not positive
  bool whole = false;                   ///< ticks at whole numbers only
  bool tight = false;                   ///< ends at the data, not at the next tick
  std::optional<double> low{}, high{};  ///< ends; those of the data if not given
};

struct Tick {
  double value = 0.0;
  std::string label;
};

/// With as many decimals as ticks `step` apart need.
std::string tick_label(double value, double step, Unit unit);

class PlotAxis {
 public:
  /// For `values`, of which those that are not finite do not count.
  PlotAxis(const AxisConfig& config, std::span<const double> values);

  /// 0 at the low end, 1 at the high end; kept within a little of both.
  double place(double value) const;

  const std::vector<Tick>& ticks() const { return ticks_; }
  bool is_log() const { return log_; }
  double low() const { return low_; }
  double high() const { return high_; }

 private:
  double scaled(double value) const;

  bool log_;
  double low_ = 0.0;
  double high_ = 1.0;
  std::vector<Tick> ticks_;
};

}  // namespace tessera::report
