#include "data/sampling.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <unordered_map>

namespace tessera {

std::vector<double> expected_shows(std::span<const std::int64_t> classes, Sampler sampler) {
  std::map<std::int64_t, double> counts;
  for (const std::int64_t label : classes) counts[label] += 1.0;
  const auto images = static_cast<double>(classes.size());
  const double mean = images / static_cast<double>(std::max<std::size_t>(1, counts.size()));
  std::vector<double> shows;
  double sum = 0.0;
  for (const std::int64_t label : classes) {
    const double lack = mean / counts[label];
    shows.push_back(sampler == Sampler::kBalanced ? lack
                    : sampler == Sampler::kRepeat ? std::max(1.0, std::sqrt(lack))
                                                  : 1.0);
    sum += shows.back();
  }
  for (double& times : shows) times *= images / sum;
  return shows;
}

std::vector<std::uint32_t> sample_by(std::span<const double> expected, Rng rng) {
  std::vector<std::uint32_t> order;
  const double offset = double{rng.uniform()};
  double until = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    until += expected[i];
    while (order.size() < expected.size() && static_cast<double>(order.size()) + offset < until) {
      order.push_back(static_cast<std::uint32_t>(i));
    }
  }
  // Rounding may leave the last place empty.
  while (order.size() < expected.size()) {
    order.push_back(static_cast<std::uint32_t>(expected.size() - 1));
  }
  return order;
}

std::vector<std::uint32_t> times_before(std::span<const std::uint32_t> order) {
  std::unordered_map<std::uint32_t, std::uint32_t> seen;
  std::vector<std::uint32_t> times;
  times.reserve(order.size());
  for (const std::uint32_t sample : order) times.push_back(seen[sample]++);
  return times;
}

}  // namespace tessera
