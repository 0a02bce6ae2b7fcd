#include "core/ops/gather_patches.h"

#include "core/error.h"

namespace tessera::ops {

Var gather_patches(Tape& tape, const Var& x, PatchGrid grid) {
  if (x.shape().rank() != 4)
    fail<ShapeError>("[gather_patches] x {} is not [B, H, W, C]", x.shape());
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (grid.kernel[axis] < 1 || grid.stride[axis] < 1 || grid.places[axis] < 1) {
      fail<ShapeError>("[gather_patches] kernel {}, stride {} and places {} must be positive",
                       grid.kernel[axis], grid.stride[axis], grid.places[axis]);
    }
  }
  if (grid.views < 1 || grid.views > PatchGrid::kMaxViews) {
    fail<ShapeError>("[gather_patches] {} views: give 1 to {}", grid.views, PatchGrid::kMaxViews);
  }
  grid.batch = x.dim(0);
  grid.size = {x.dim(1), x.dim(2)};
  grid.channels = x.dim(3);
  Tensor y = Tensor::empty({grid.batch, grid.places[0], grid.places[1], grid.depth()},
                           x.value.dtype());  // [B, h, w, views kh kw C]
  OpScope op(tape, "gather_patches",
             {0.0, static_cast<double>(x.value.bytes()) + static_cast<double>(y.bytes())});
  gather_patch_rows(grid, x.value, 0, grid.rows(), y.raw());
  return tape.record(std::move(y), any_wants_grad(x),
                     [x = x.target(), grid](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(x);
                       scatter_patch_rows(grid, dy, sink.grad, sink.accumulate);
                     });
}

Var kernel_rows(Tape& tape, const Var& kernel, int views) {
  if (kernel.shape().rank() != 4 || views < 1 || kernel.dim(1) % views != 0) {
    fail<ShapeError>("[kernel_rows] kernel {} is not [O, {} * C, kh, kw]", kernel.shape(), views);
  }
  const PatchGrid grid{
      .channels = kernel.dim(1) / views, .kernel = {kernel.dim(2), kernel.dim(3)}, .views = views};
  OpScope op(tape, "kernel_rows", {0.0, 2.0 * static_cast<double>(kernel.value.bytes())});
  Tensor rows = Tensor::empty({kernel.dim(0), grid.depth()});
  kernel_to_rows(grid, kernel.value, rows);
  return tape.record(std::move(rows), any_wants_grad(kernel),
                     [kernel = kernel.target(), grid](Tape& t, const Tensor& drows) {
                       const GradSink sink = t.sink(kernel);
                       rows_to_kernel(grid, drows, sink.grad, sink.accumulate);
                     });
}

}  // namespace tessera::ops
