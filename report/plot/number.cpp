#include "report/plot/number.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace tessera::report {
namespace {

// 12.3 k; a value that rounds up to a thousand of one unit is one of the next.
std::string with_prefix(double value, int digits) {
  constexpr std::array<const char*, 5> kPrefixes = {"", "\u00a0k", "\u00a0M", "\u00a0G", "\u00a0T"};
  std::size_t prefix = 0;
  while (std::abs(value) >= 999.5 && prefix + 1 < kPrefixes.size()) {
    value /= 1000.0;
    ++prefix;
  }
  return fmt::format("{:.{}g}{}", value, digits, kPrefixes[prefix]);
}

}  // namespace

std::string number_text(double value, Unit unit, int digits) {
  if (!std::isfinite(value)) return "–";
  switch (unit) {
    case Unit::kPercent:
      return fmt::format("{:.{}f}\u00a0%", 100.0 * value, digits);
    case Unit::kCount:
      return with_prefix(value, digits);
    case Unit::kPlain:
      break;
  }
  return fmt::format("{:.{}g}", value, digits);
}

std::string count_text(std::int64_t value) {
  const std::string digits = fmt::format("{}", value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const std::size_t left = digits.size() - i;
    if (i > 0 && left % 3 == 0 && digits[i - 1] != '-') text += "\u202f";
    text += digits[i];
  }
  return text;
}

std::string duration_with_unit(double seconds) {
  if (!std::isfinite(seconds)) return "–";
  if (seconds < 10.0) return fmt::format("{:.1f}\u00a0s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{}\u00a0s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}\u00a0min", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}\u00a0h", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string coordinate(double value) {
  std::string text = fmt::format("{:.2f}", value);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

}  // namespace tessera::report
