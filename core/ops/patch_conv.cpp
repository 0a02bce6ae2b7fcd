#include "core/ops/patch_conv.h"

#include "core/kernels/patch_rows.h"
#include "core/ops/row_products.h"

namespace tessera {
namespace {

constexpr std::int64_t kSliceRows = 512;

PatchGrid grid_of(const onednn::ConvGeometry& g) {
  return {.batch = g.batch,
          .size = g.in_size,
          .channels = g.in_channels,
          .places = g.out_size,
          .kernel = g.kernel,
          .stride = g.stride,
          .origins = {{{-g.pad_begin[0], -g.pad_begin[1]}}}};
}

RowSlices slices_of(const PatchGrid& grid) {
  if (grid.rows() < 2 * kSliceRows) return {grid.rows(), grid.rows(), 1};
  return {grid.rows(), kSliceRows, num_parts(grid.rows(), kSliceRows)};
}

/// A buffer for the rows of one slice of each part.
class SliceBuffer {
 public:
  SliceBuffer(const RowSlices& slices, const PatchGrid& grid, DType dtype)
      : slice_(slices.slice),
        rows_(Tensor::empty({std::int64_t{slices.parts} * slices.slice, grid.depth()}, dtype)) {}

  void* of(int part) const { return row_of(rows_, part * slice_); }

 private:
  std::int64_t slice_;
  Tensor rows_;
};

}  // namespace

void patch_conv_backward_weights(const onednn::ConvGeometry& geometry, const Tensor& x,
                                 const Tensor& dy, const GradSink& dweight, const GradSink& dbias) {
  const PatchGrid grid = grid_of(geometry);
  const Tensor drows = dweight ? Tensor::empty({geometry.out_channels, grid.depth()}) : Tensor();
  const RowSlices slices = slices_of(grid);
  const SliceBuffer buffer(slices, grid, x.dtype());
  PartialSums weight_sums({drows, false}, slices.parts), bias_sums(dbias, slices.parts);
  for_each_slice(slices, [&](int part, std::int64_t begin, std::int64_t count) {
    if (weight_sums) {
      gather_patch_rows(grid, x, begin, count, buffer.of(part));
      add_weight_gradient(row_of(dy, begin), geometry.out_channels, buffer.of(part), grid.depth(),
                          x.dtype(), count, weight_sums, part);
    }
    if (bias_sums) {
      column_sums(dy, begin, count, bias_sums.target(part), bias_sums.accumulate(part));
    }
  });
  weight_sums.reduce();
  bias_sums.reduce();
  if (dweight) rows_to_kernel(grid, drows, dweight.grad, dweight.accumulate);
}

}  // namespace tessera
