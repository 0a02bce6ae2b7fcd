// What a few repetitions say about a mean.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace tessera {

/// A mean with its 95 % confidence interval, `mean - half_width` to `mean + half_width`.
struct Estimate {
  std::int64_t n = 0;
  double mean = 0.0;                 ///< without meaning if n is 0
  std::optional<double> half_width;  ///< by Student's t; none with fewer than two values

  /// The interval does not include zero.
  bool excludes_zero() const;
};

Estimate estimate(std::span<const double> values);

/// The t for which a share `p` in (0.5, 1) of Student's distribution lies below; `freedom` >= 1
/// degrees.
double student_t_quantile(double p, std::int64_t freedom);

}  // namespace tessera
