#include "optim/clip.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/parallel.h"

namespace tessera {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kChunk = 1 << 14;  // fixed, so that the order of additions is

}  // namespace

TESSERA_KERNEL double sum_of_squares(const float* values, std::int64_t count) {
  std::array<double, kLanes> lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      lanes[static_cast<std::size_t>(lane)] += value * value;
    }
  }
  double rest = 0.0;
  for (; i < count; ++i) rest += double{values[i]} * double{values[i]};
  return std::accumulate(lanes.begin(), lanes.end(), rest);
}

double gradient_norm(const ParameterStore& store) {
  const float* grads = store.grads().f32();
  const std::int64_t size = store.grads().numel();
  const std::int64_t chunks = (size + kChunk - 1) / kChunk;
  std::vector<double> partial(static_cast<std::size_t>(chunks));
  parallel_for(chunks, 4, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t chunk = first; chunk < last; ++chunk) {
      const std::int64_t begin = chunk * kChunk;
      partial[static_cast<std::size_t>(chunk)] =
          sum_of_squares(grads + begin, std::min(kChunk, size - begin));
    }
  });
  return std::sqrt(std::accumulate(partial.begin(), partial.end(), 0.0));
}

double clip_factor(double norm, double max_norm) {
  if (max_norm <= 0.0 && !std::isnan(norm)) return 1.0;
  const double factor = max_norm / (norm + 1e-6);
  return factor > 1.0 ? 1.0 : factor;  // false for NaN
}

}  // namespace tessera
