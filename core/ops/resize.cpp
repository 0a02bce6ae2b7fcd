#include "core/ops/resize.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/separable_map.h"

namespace tessera::ops {
namespace {

/// Where the centre of output pixel i lies in the input, in pixels.
double source_of(std::int64_t i, std::int64_t in, std::int64_t out, ResizeMode mode) {
  const auto at = static_cast<double>(i);
  if (mode == ResizeMode::kBilinearCorners) {
    return out == 1 ? 0.0 : at * static_cast<double>(in - 1) / static_cast<double>(out - 1);
  }
  return (at + 0.5) * static_cast<double>(in) / static_cast<double>(out) - 0.5;
}

void add_linear(AxisMap& map, double source) {
  source = std::clamp(source, 0.0, static_cast<double>(map.in - 1));
  const auto low = static_cast<std::int64_t>(source);
  const double share = source - static_cast<double>(low);
  map.add(low, static_cast<float>(1.0 - share));
  if (share > 0.0) map.add(low + 1, static_cast<float>(share));
}

// Keys 1981: |d| <= 1, 1 < |d| < 2, and beyond.
double cubic(double distance, double a) {
  const double d = std::abs(distance);
  if (d <= 1.0) return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
  return d < 2.0 ? ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a : 0.0;
}

void add_cubic(AxisMap& map, double source) {
  const double low = std::floor(source);
  for (int k = -1; k <= 2; ++k) {
    const std::int64_t place = static_cast<std::int64_t>(low) + k;
    map.add(std::clamp<std::int64_t>(place, 0, map.in - 1),
            static_cast<float>(cubic(source - low - k, -0.75)));
  }
}

void add_smooth_cubic(AxisMap& map, double source, double scale) {
  const double width = std::max(1.0, scale);
  const auto clamped = [&](double place) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(place), 0, map.in);
  };
  // Pixels whose middle lies within two widths.
  const std::int64_t begin = clamped(std::floor(source + 0.5 - 2.0 * width + 0.5));
  const std::int64_t end = clamped(std::floor(source + 0.5 + 2.0 * width + 0.5));
  const auto weight = [&](std::int64_t place) {
    return cubic((static_cast<double>(place) - source) / width, -0.5);
  };
  double sum = 0.0;
  for (std::int64_t place = begin; place < end; ++place) sum += weight(place);
  for (std::int64_t place = begin; place < end; ++place) {
    map.add(place, static_cast<float>(weight(place) / sum));
  }
}

AxisMap axis_of(std::int64_t in, std::int64_t out, ResizeMode mode) {
  AxisMap map;
  map.in = in;
  for (std::int64_t i = 0; i < out; ++i) {
    if (mode == ResizeMode::kNearest) {
      map.add(i * in / out, 1.0f);
    } else if (mode == ResizeMode::kBicubic) {
      add_cubic(map, source_of(i, in, out, mode));
    } else if (mode == ResizeMode::kBicubicSmooth) {
      add_smooth_cubic(map, source_of(i, in, out, mode),
                       static_cast<double>(in) / static_cast<double>(out));
    } else {
      add_linear(map, source_of(i, in, out, mode));
    }
    map.end_place();
  }
  return map;
}

AxisMap cells_of(std::int64_t in, std::int64_t cells) {
  AxisMap map;
  map.in = in;
  for (std::int64_t i = 0; i < cells; ++i) {
    const std::int64_t begin = i * in / cells, end = ((i + 1) * in + cells - 1) / cells;
    for (std::int64_t place = begin; place < end; ++place) {
      map.add(place, 1.0f / static_cast<float>(end - begin));
    }
    map.end_place();
  }
  return map;
}

}  // namespace

Var resize(Tape& tape, const Var& x, std::array<std::int64_t, 2> size, ResizeMode mode) {
  if (x.shape().rank() != 4 || x.dim(1) < 1 || x.dim(2) < 1) {
    fail<ShapeError>("[resize] x {} is not [B, H, W, C] with pixels to read", x.shape());
  }
  if (size[0] < 1 || size[1] < 1) {
    fail<ShapeError>("[resize] x {} cannot become {} x {}: sides must be 1 or more", x.shape(),
                     size[0], size[1]);
  }
  if (size[0] == x.dim(1) && size[1] == x.dim(2)) return x;
  return apply_separable(tape, "resize", x, axis_of(x.dim(1), size[0], mode),
                         axis_of(x.dim(2), size[1], mode));
}

Var adaptive_pool(Tape& tape, const Var& x, std::array<std::int64_t, 2> grid) {
  if (x.shape().rank() != 4 || x.dim(1) < 1 || x.dim(2) < 1) {
    fail<ShapeError>("[adaptive_pool] x {} is not [B, H, W, C] with pixels to average", x.shape());
  }
  if (grid[0] < 1 || grid[1] < 1) {
    fail<ShapeError>("[adaptive_pool] x {} into {} x {} cells: there must be 1 or more", x.shape(),
                     grid[0], grid[1]);
  }
  if (grid[0] == x.dim(1) && grid[1] == x.dim(2)) return x;
  return apply_separable(tape, "adaptive_pool", x, cells_of(x.dim(1), grid[0]),
                         cells_of(x.dim(2), grid[1]));
}

}  // namespace tessera::ops
