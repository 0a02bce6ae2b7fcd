// Patches of a map as rows of a matrix: what makes a matrix product of a convolution.
#pragma once

#include <array>
#include <cstdint>

#include "core/tensor.h"

namespace tessera {

/// A grid of patches, seen from up to nine places each. Pixels outside the map are zeros.
struct PatchGrid {
  static constexpr int kMaxViews = 9;

  std::int64_t batch = 0;
  std::array<std::int64_t, 2> size{};  ///< of the map
  std::int64_t channels = 0;
  std::array<std::int64_t, 2> places{};  ///< patches down and across
  std::array<std::int64_t, 2> kernel{};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::array<std::int64_t, 2>, kMaxViews> origins{};  ///< pixel that a view begins with
  int views = 1;

  std::int64_t rows() const { return batch * places[0] * places[1]; }
  std::int64_t view_depth() const { return kernel[0] * kernel[1] * channels; }
  std::int64_t depth() const { return views * view_depth(); }
};

/// Rows [begin, begin + count) of [batch * places, depth], ordered (view, dh, dw, channel), from
/// `map` [batch, H, W, channels]: pixel origin + place * stride + (dh, dw) of each. `rows` has the
/// dtype of `map`, f32 or bf16.
void gather_patch_rows(const PatchGrid& grid, const Tensor& map, std::int64_t begin,
                       std::int64_t count, void* rows);

/// The reverse: each pixel of `map` becomes the sum over its places in all rows [batch * places,
/// depth], or has it added.
void scatter_patch_rows(const PatchGrid& grid, const Tensor& rows, const Tensor& map,
                        bool accumulate);

/// A kernel [O, views * C, kh, kw] in the order of rows, [O, views, kh, kw, C], and back.
void kernel_to_rows(const PatchGrid& grid, const Tensor& kernel, const Tensor& rows);
void rows_to_kernel(const PatchGrid& grid, const Tensor& rows, const Tensor& kernel,
                    bool accumulate);

}  // namespace tessera
