// Numbers as people read them, in one line with their unit.
#pragma once

#include <cstdint>
#include <string>

namespace tessera::report {

enum class Unit : std::uint8_t {
  kPlain,    ///< 0.0123, 4.5, 1e-05
  kPercent,  ///< of a share 0..1: 89.17 %
  kCount,    ///< 12.3 k, 4.56 M, 1.2 G
};

/// `digits`: decimals of a percentage, significant digits of all else. NaN is an en dash.
std::string number_text(double value, Unit unit, int digits);

/// With thin spaces between thousands: 10 000.
std::string count_text(std::int64_t value);

/// 37 s, 4:05 min, 1:02:09 h
std::string duration_with_unit(double seconds);

/// A length in a drawing: two decimals, no more than needed, never `-0`.
std::string coordinate(double value);

}  // namespace tessera::report
