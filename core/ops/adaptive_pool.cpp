#include "core/ops/adaptive_pool.h"

#include "core/error.h"
#include "core/ops/separable_map.h"

namespace tessera::ops {
namespace {

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
