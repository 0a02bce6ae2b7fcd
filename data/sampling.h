// Which samples an epoch shows, where some are to be seen more often than others.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/rng.h"
#include "data/data_config.h"

namespace tessera {

/// How often an epoch shows each sample of these classes in the mean; the sum is their number.
/// kBalanced: every class that occurs has an equal share. kRepeat: a class of share f counts
/// sqrt(t / f) times, but at least once, with t the share if all classes had the same
/// (arXiv:1908.03195, section 3.4).
std::vector<double> expected_shows(std::span<const std::int64_t> classes, Sampler sampler);

/// As many samples as there are expectations, in rising order: each as often as expected, rounded
/// up or down at random, so that classes have their share but for one (systematic sampling).
std::vector<std::uint32_t> sample_by(std::span<const double> expected, Rng rng);

/// For each place how often its sample stands before it.
std::vector<std::uint32_t> times_before(std::span<const std::uint32_t> order);

}  // namespace tessera
