#include "report/probes/position_maps.h"

#include <algorithm>
#include <cmath>

namespace tessera::report {
namespace {

/// [heads, N, N] -> [heads, 2 wh - 1, 2 ww - 1]: any query that has a key at an offset tells.
Tensor by_offset(const Tensor& bias, std::array<std::int64_t, 2> window) {
  const std::int64_t heads = bias.dim(0), tokens = bias.dim(1);
  const std::int64_t height = 2 * window[0] - 1, width = 2 * window[1] - 1;
  Tensor map = Tensor::empty({heads, height, width});
  for (std::int64_t i = 0; i < map.numel(); ++i) {
    const std::int64_t dy = i / width % height - (window[0] - 1);
    const std::int64_t dx = i % width - (window[1] - 1);
    const std::int64_t y = std::max<std::int64_t>(0, -dy), x = std::max<std::int64_t>(0, -dx);
    const std::int64_t query = y * window[1] + x, key = (y + dy) * window[1] + x + dx;
    const std::int64_t head = i / (height * width);
    map.f32()[i] = bias.f32()[(head * tokens + query) * tokens + key];
  }
  return map;
}

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < count; ++i) sum += double{a[i]} * double{b[i]};
  return sum;
}

}  // namespace

std::vector<PositionMap> position_maps(const ModelTrace& trace) {
  std::vector<PositionMap> maps;
  for (std::size_t block = 0; block < trace.attention.size(); ++block) {
    const ops::AttentionArguments& attention = trace.attention[block];
    if (!attention.bias) continue;
    maps.push_back(
        {static_cast<std::int64_t>(block), by_offset(attention.bias, attention.config.window)});
  }
  return maps;
}

Tensor position_similarity(const Tensor& table, std::array<std::int64_t, 2> map, std::int64_t rows,
                           std::int64_t columns) {
  const std::int64_t tokens = map[0] * map[1], channels = table.dim(-1);
  const float* vectors = table.f32() + (table.dim(1) - tokens) * channels;
  Tensor cosines = Tensor::empty({rows * columns, map[0], map[1]});
  for (std::int64_t i = 0; i < cosines.numel(); ++i) {
    const std::int64_t place = i / tokens;
    const std::int64_t y = (2 * (place / columns) + 1) * map[0] / (2 * rows);
    const std::int64_t x = (2 * (place % columns) + 1) * map[1] / (2 * columns);
    const float* a = vectors + (y * map[1] + x) * channels;
    const float* b = vectors + i % tokens * channels;
    const double norms = std::sqrt(dot(a, a, channels) * dot(b, b, channels));
    cosines.f32()[i] = static_cast<float>(dot(a, b, channels) / std::max(norms, 1e-30));
  }
  return cosines;
}

}  // namespace tessera::report
