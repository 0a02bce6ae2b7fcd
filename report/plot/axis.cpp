#include "report/plot/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace tessera::report {

std::string tick_label(double value, double step, Unit unit) {
  if (unit == Unit::kCount) return number_text(value, unit, 3);
  const double factor = unit == Unit::kPercent ? 100.0 : 1.0;
  const double shown = std::abs(value) < step * 1e-6 ? 0.0 : value * factor;
  const double decimals = std::max(0.0, std::ceil(-std::log10(step * factor) - 1e-9));
  if (decimals > 4.0) return fmt::format("{:.2g}", shown);
  return fmt::format("{:.{}f}{}", shown, static_cast<int>(decimals),
                     unit == Unit::kPercent ? "\u00a0%" : "");
}

namespace {

constexpr double kTicks = 5.0;  // about so many on an axis

/// 1, 2 or 5 times a power of ten.
double nice_step(double range, bool whole) {
  const double rough = range / kTicks;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead < 1.5 ? 1.0 : lead < 3.5 ? 2.0 : lead < 7.5 ? 5.0 : 10.0);
  return whole ? std::max(1.0, std::round(step)) : step;
}

std::vector<Tick> linear_ticks(double low, double high, double step, Unit unit) {
  std::vector<Tick> ticks;
  const double first = std::ceil(low / step - 1e-9);
  for (double i = first; i * step <= high + step * 1e-9; i += 1.0) {
    const double value = i == 0.0 ? 0.0 : i * step;  // not -0
    ticks.push_back({value, tick_label(value, step, unit)});
  }
  return ticks;
}

/// Powers of ten, or 1, 2 and 5 of each, or, within less than that, ticks as on a linear axis.
std::vector<Tick> log_ticks(double low, double high, Unit unit) {
  constexpr std::array<double, 3> kLeads = {1.0, 2.0, 5.0};
  for (const std::size_t leads : {std::size_t{1}, kLeads.size()}) {
    std::vector<Tick> ticks;
    for (double power = std::floor(std::log10(low)); power <= std::log10(high); power += 1.0) {
      for (std::size_t i = 0; i < leads; ++i) {
        const double value = kLeads[i] * std::pow(10.0, power);
        if (value < low * (1.0 - 1e-9) || value > high * (1.0 + 1e-9)) continue;
        ticks.push_back({value, number_text(value, unit, unit == Unit::kPercent ? 0 : 3)});
      }
    }
    if (ticks.size() >= 3) return ticks;
  }
  return linear_ticks(low, high, nice_step(high - low, false), unit);
}

}  // namespace

PlotAxis::PlotAxis(const AxisConfig& config, std::span<const double> values) : log_(config.log) {
  bool any = false;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low_ = any ? std::min(low_, value) : value;
    high_ = any ? std::max(high_, value) : value;
    any = true;
  }
  low_ = config.low.value_or(low_);
  high_ = config.high.value_or(high_);
  log_ = log_ && low_ > 0.0;
  if (!(high_ > low_)) {  // one value, or none: room around it
    const double room = config.whole ? 1.0 : std::max(std::abs(low_) * 0.1, 1e-6);
    if (!config.low) low_ -= log_ ? 0.5 * room : room;
    high_ = low_ + 2.0 * room;
  }
  if (log_) {
    if (!config.tight) {
      const double room = std::pow(high_ / low_, 0.08);
      if (!config.low) low_ /= room;
      if (!config.high) high_ *= room;
    }
    ticks_ = log_ticks(low_, high_, config.unit);
    return;
  }
  const double step = nice_step(high_ - low_, config.whole);
  if (!config.tight) {
    if (!config.low) low_ = step * std::floor(low_ / step + 1e-9);
    if (!config.high) high_ = step * std::ceil(high_ / step - 1e-9);
  }
  ticks_ = linear_ticks(low_, high_, step, config.unit);
}

double PlotAxis::scaled(double value) const { return log_ ? std::log10(value) : value; }

double PlotAxis::place(double value) const {
  const double share = (scaled(value) - scaled(low_)) / (scaled(high_) - scaled(low_));
  return std::clamp(share, -0.02, 1.02);
}

}  // namespace tessera::report
