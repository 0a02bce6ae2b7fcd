#include "layers/patch/shifted_views.h"

#include <initializer_list>

namespace tessera {
namespace {

constexpr std::initializer_list<Size2> kDiagonal{{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
constexpr std::initializer_list<Size2> kCardinal{{-1, 0}, {0, -1}, {0, 1}, {1, 0}};

}  // namespace

PatchGrid ShiftedViews::grid(Size2 size) const {
  PatchGrid grid{
      .channels = channels,
      .places = {(size[0] + patch[0] - 1) / patch[0], (size[1] + patch[1] - 1) / patch[1]},
      .kernel = patch,
      .stride = patch};
  const auto look_from = [&](std::initializer_list<Size2> list) {
    for (const Size2& direction : list) {
      grid.origins[static_cast<std::size_t>(grid.views++)] = {direction[0] * shift[0],
                                                              direction[1] * shift[1]};
    }
  };
  if (directions != ShiftDirections::kCardinal) look_from(kDiagonal);
  if (directions != ShiftDirections::kDiagonal) look_from(kCardinal);
  return grid;
}

}  // namespace tessera
