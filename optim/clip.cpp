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

double gradient_squares(const ParameterStore& store, std::span<const ElementRange> parts) {
  std::vector<ElementRange> chunks;
  for (const ElementRange& part : parts) {
    for (std::int64_t begin = part.begin; begin < part.end; begin += kChunk) {
      chunks.push_back({begin, std::min(begin + kChunk, part.end)});
    }
  }
  const float* grads = store.grads().f32();
  std::vector<double> squares(chunks.size());
  parallel_for(std::ssize(chunks), 4, [&](std::int64_t first, std::int64_t last) {
    for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
      squares[i] = sum_of_squares(grads + chunks[i].begin, chunks[i].end - chunks[i].begin);
    }
  });
  return std::accumulate(squares.begin(), squares.end(), 0.0);
}

double gradient_norm(const ParameterStore& store) {
  return std::sqrt(gradient_squares(store, {{{0, store.grads().numel()}}}));
}

double clip_factor(double norm, double max_norm) {
  if (max_norm <= 0.0 && !std::isnan(norm)) return 1.0;
  const double factor = max_norm / (norm + 1e-6);
  return factor > 1.0 ? 1.0 : factor;  // false for NaN
}

}  // namespace tessera
