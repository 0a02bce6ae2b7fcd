#include "study/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

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

double normal_quantile(double p) {
  double low = 0.0, high = 40.0;
  for (int i = 0; i < 100; ++i) {
    const double middle = 0.5 * (low + high);
    (std::erf(middle / std::numbers::sqrt2) < 2.0 * p - 1.0 ? low : high) = middle;
  }
  return low;
}

bool Estimate::excludes_zero() const { return half_width && std::abs(mean) > *half_width; }

namespace {

/// Half of the interval in which a share `level` lies.
double half_width_of(double level, double error, std::int64_t n, double image_error) {
  const double p = 0.5 + 0.5 * level;
  const double seeds = error > 0.0 ? student_t_quantile(p, n - 1) * error : 0.0;
  const double images = image_error > 0.0 ? normal_quantile(p) * image_error : 0.0;
  return std::hypot(seeds, images);
}

constexpr double kLevel = 0.95;

}  // namespace

double p_of_zero(const Estimate& estimate) {
  if (estimate.mean == 0.0) return 1.0;
  double low = 0.0, high = 1.0;
  for (int i = 0; i < 60; ++i) {
    const double level = 0.5 * (low + high);
    const double half = half_width_of(level, estimate.error, estimate.n, estimate.image_error);
    (half < std::abs(estimate.mean) ? low : high) = level;
  }
  return 1.0 - low;
}

double standard_error(std::span<const double> values) {
  if (values.size() < 2) return 0.0;
  const auto n = static_cast<double>(values.size());
  double mean = 0.0, squares = 0.0;
  for (const double value : values) mean += value / n;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / (n - 1.0) / n);
}

Estimate estimate(std::span<const double> values, double image_error,
                  std::optional<double> image_floor) {
  Estimate result{.n = static_cast<std::int64_t>(values.size()),
                  .mean = 0.0,
                  .half_width = {},
                  .error = standard_error(values),
                  .image_error = image_error,
                  .p = {},
                  .p_holm = {},
                  .image_floor = image_floor};
  for (const double value : values) result.mean += value / static_cast<double>(values.size());
  if (values.size() < 2) return result;
  result.half_width = half_width_of(kLevel, result.error, result.n, image_error);
  result.p = p_of_zero(result);
  return result;
}

std::optional<std::int64_t> repetitions_for(const Estimate& estimate, double half_width) {
  constexpr std::int64_t kMost = 1000;
  if (estimate.n < 2) return std::nullopt;
  const double floor = estimate.image_floor.value_or(estimate.image_error);
  const double noise = std::sqrt(std::max(0.0, estimate.image_error * estimate.image_error -
                                                   floor * floor));  // as n repetitions have it
  for (std::int64_t n = 2; n <= kMost; ++n) {
    const double less = std::sqrt(static_cast<double>(estimate.n) / static_cast<double>(n));
    const double images = std::hypot(floor, less * noise);
    if (half_width_of(kLevel, less * estimate.error, n, images) < half_width) return n;
  }
  return std::nullopt;
}

std::optional<std::int64_t> repetitions_to_show(const Estimate& estimate) {
  return repetitions_for(estimate, std::abs(estimate.mean));
}

std::string p_text(double p) {
  constexpr double kLeast = 0.001;
  return p < kLeast ? fmt::format("p < {}", kLeast) : fmt::format("p {:.{}f}", p, p < 0.1 ? 3 : 2);
}

std::vector<double> holm(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0.0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    const auto rest = static_cast<double>(order.size() - rank);
    largest = std::max(largest, std::min(1.0, rest * p[order[rank]]));
    adjusted[order[rank]] = largest;
  }
  return adjusted;
}

}  // namespace tessera
