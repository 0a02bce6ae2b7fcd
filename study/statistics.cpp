#include "study/statistics.h"

#include <cmath>
#include <numbers>

namespace tessera {
namespace {

/// The share of Student's distribution between -t and t, t = sqrt(freedom) tan(angle). Abramowitz
/// and Stegun 26.7.3 and 26.7.4: a finite sum for whole degrees of freedom.
double central_share(double angle, std::int64_t freedom) {
  const double sine = std::sin(angle);
  const double cosine = std::cos(angle);
  const bool odd = freedom % 2 == 1;
  double term = odd ? cosine : 1.0;
  double sum = freedom == 1 ? 0.0 : term;
  for (std::int64_t k = odd ? 3 : 2; k < freedom; k += 2) {
    term *= cosine * cosine * static_cast<double>(k - 1) / static_cast<double>(k);
    sum += term;
  }
  return odd ? 2.0 / std::numbers::pi * (angle + sine * sum) : sine * sum;
}

}  // namespace

double student_t_quantile(double p, std::int64_t freedom) {
  double low = 0.0;
  double high = std::numbers::pi / 2.0;
  for (int i = 0; i < 100; ++i) {  // to the last bit
    const double middle = 0.5 * (low + high);
    (central_share(middle, freedom) < 2.0 * p - 1.0 ? low : high) = middle;
  }
  return std::sqrt(static_cast<double>(freedom)) * std::tan(low);
}

bool Estimate::excludes_zero() const { return half_width && std::abs(mean) > *half_width; }

Estimate estimate(std::span<const double> values) {
  Estimate result{.n = static_cast<std::int64_t>(values.size()), .mean = 0.0, .half_width = {}};
  if (values.empty()) return result;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) result.mean += value / n;
  if (values.size() < 2) return result;
  double squares = 0.0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  const double error = std::sqrt(squares / (n - 1.0) / n);
  result.half_width = student_t_quantile(0.975, result.n - 1) * error;
  return result;
}

}  // namespace tessera
