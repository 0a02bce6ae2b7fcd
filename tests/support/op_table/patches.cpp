// Ops that patch embeddings, mergings and token shifts are made of.
#include "core/ops/neighbours.h"
#include "core/ops/tokens.h"
#include "tests/support/op_table/cases.h"

namespace tessera::test {
namespace {

using Vars = std::span<const Var>;
using Size = std::array<std::int64_t, 2>;

OpCase gathered(const Shape& x, Size places, Size kernel, Size stride,
                const std::vector<Size>& origins) {
  PatchGrid grid{.places = places, .kernel = kernel, .stride = stride};
  grid.views = static_cast<int>(origins.size());
  std::copy(origins.begin(), origins.end(), grid.origins.begin());
  return {.name = "gather_patches",
          .inputs = {{x}},
          .op = [=](Tape& t, Vars v) { return ops::gather_patches(t, v[0], grid); },
          .activations = 1,
          .variant = fmt::format("{}x{},views={}", kernel[0], kernel[1], grid.views),
          .bf16_tolerance = 1e-2};
}

// Half a patch to each corner.
OpCase diagonal(const Shape& x, std::int64_t patch) {
  const std::int64_t s = patch / 2;
  return gathered(x, {x[1] / patch, x[2] / patch}, {patch, patch}, {patch, patch},
                  {{0, 0}, {-s, -s}, {-s, s}, {s, -s}, {s, s}});
}

OpCase rows_of_kernel(const Shape& kernel, int views) {
  return {.name = "kernel_rows",
          .inputs = {{kernel}},
          .op = [=](Tape& t, Vars v) { return ops::kernel_rows(t, v[0], views); },
          .activations = 0,
          .variant = fmt::format("views={}", views)};
}

OpCase side_by_side(const std::vector<Shape>& shapes) {
  OpCase made{.name = "concat",
              .inputs = {},
              .op = [](Tape& t, Vars v) { return ops::concat(t, v); },
              .activations = shapes.size(),
              .variant = "",
              .bf16_tolerance = 1e-2};
  for (const Shape& shape : shapes) made.inputs.push_back({shape});
  return made;
}

OpCase shifted(const Shape& x, std::int64_t channels) {
  return {.name = "token_shift",
          .inputs = {{x}},
          .op = [=](Tape& t, Vars v) { return ops::token_shift(t, v[0], channels); },
          .activations = 1,
          .variant = fmt::format("channels={}", channels),
          .bf16_tolerance = 1e-2};
}

}  // namespace

OpTable patch_cases() {
  OpTable table;
  table.small = {
      gathered({1, 1, 1, 1}, {1, 1}, {1, 1}, {1, 1}, {{0, 0}}),
      gathered({2, 9, 7, 3}, {5, 4}, {3, 3}, {2, 2}, {{-1, -1}}),
      diagonal({1, 8, 8, 1}, 4),
      gathered({1, 3, 4, 2}, {3, 2}, {7, 9}, {1, 2}, {{-3, -4}}),  // wider than the map
      gathered({3, 33, 31, 17}, {33, 31}, {3, 2}, {1, 1}, {{-1, 0}}),
      rows_of_kernel({3, 4, 2, 3}, 2),
      side_by_side({{3, 4}}),
      side_by_side({{2, 3, 5, 1}, {2, 3, 5, 7}}),
      side_by_side({{40, 17, 24}, {40, 17, 12}, {40, 17, 6}, {40, 17, 6}}),
      shifted({2, 3, 5, 9}, 2),
      shifted({1, 4, 2, 8}, 2),
      shifted({2, 3, 3, 5}, 0),
      shifted({3, 17, 33, 48}, 6),
  };
  table.large = {
      diagonal({8, 224, 224, 3}, 4),
      diagonal({128, 32, 32, 3}, 2),
      diagonal(kLargeMaps[0], 2),
      diagonal(kLargeMaps[4], 2),
      shifted(kLargeMaps[0], 12),
      shifted(kLargeMaps[4], 6),
      side_by_side({{8, 56, 56, 48}, {8, 56, 56, 24}, {8, 56, 56, 12}, {8, 56, 56, 12}})};
  return table;
}

}  // namespace tessera::test
