// Ops that patch embeddings, mergings, token shifts and hidden patches are made of.
#include "core/ops/hidden_patches.h"
#include "core/ops/neighbours.h"
#include "core/ops/resize_kernel.h"
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

/// Of every five squares two are hidden.
ops::HiddenPatches some_hidden(const Shape& mask, std::int64_t side) {
  ops::HiddenPatches hidden{Tensor::zeros(mask), {side, side}};
  for (std::int64_t i = 0; i < mask.numel(); ++i) {
    if (i % 5 < 2) hidden.mask.f32()[i] = 1.0f;
  }
  return hidden;
}

Shape squares(const Shape& x, std::int64_t side) {
  return {x[0], (x[1] + side - 1) / side, (x[2] + side - 1) / side};
}

OpCase replaced(const Shape& tokens, std::int64_t side) {
  const ops::HiddenPatches hidden = some_hidden(squares(tokens, side), side);
  return {.name = "replace_tokens",
          .inputs = {{tokens}, {{1, 1, tokens[3]}}},
          .op = [=](Tape& t, Vars v) { return ops::replace_tokens(t, v[0], v[1], hidden); },
          .activations = 1,
          .variant = fmt::format("{}", side),
          .bf16_tolerance = 1e-2};
}

OpCase pixels_of(const Shape& x, Size block) {
  return {.name = "pixel_shuffle",
          .inputs = {{x}},
          .op = [=](Tape& t, Vars v) { return ops::pixel_shuffle(t, v[0], block); },
          .activations = 1,
          .variant = fmt::format("{}x{}", block[0], block[1]),
          .bf16_tolerance = 1e-2};
}

// Far enough from the targets that no difference changes its sign.
OpCase hidden_loss(const Shape& x, std::int64_t side) {
  const ops::HiddenPatches hidden = some_hidden(squares(x, side), side);
  const Tensor target = Tensor::full(x, 0.9f);
  for (std::int64_t i = 0; i < target.numel(); i += 3) target.f32()[i] = 4.1f;
  return {.name = "hidden_l1",
          .inputs = {{x, 0.3f, 2.5f}},
          .op = [=](Tape& t, Vars v) { return ops::hidden_l1(t, v[0], target, hidden); },
          .activations = 1,
          .variant = fmt::format("{}", side)};
}

OpCase resized_kernel(const Shape& kernel, Size to) {
  const ops::KernelMatrix vertical = ops::kernel_matrix(kernel[2], to[0]).value();
  const ops::KernelMatrix horizontal = ops::kernel_matrix(kernel[3], to[1]).value();
  return {.name = "resize_kernel",
          .inputs = {{kernel}},
          .op = [=](Tape& t, Vars v) { return ops::resize_kernel(t, v[0], vertical, horizontal); },
          .activations = 0,
          .variant = fmt::format("{}x{}", to[0], to[1])};
}

OpTable hidden_cases() {
  return {
      {replaced({2, 5, 4, 3}, 2), replaced({3, 33, 31, 17}, 4), pixels_of({2, 3, 2, 12}, {2, 2}),
       pixels_of({1, 2, 5, 6}, {3, 1}), pixels_of({3, 17, 13, 48}, {4, 4}),
       hidden_loss({2, 5, 4, 3}, 2), hidden_loss({3, 64, 61, 3}, 8)},
      {replaced(kLargeMaps[0], 8), pixels_of({8, 7, 7, 3072}, {32, 32}),
       hidden_loss({8, 224, 224, 3}, 32)}};
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
  add(table, hidden_cases());
  add(table, {{resized_kernel({3, 2, 4, 5}, {2, 3}), resized_kernel({2, 3, 2, 3}, {4, 4}),
               resized_kernel({17, 3, 8, 8}, {7, 2})},
              {resized_kernel({96, 3, 8, 8}, {4, 4})}});
  return table;
}

}  // namespace tessera::test
