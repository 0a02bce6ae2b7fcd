#include "core/ops/conv2d.h"

#include <algorithm>

#include "core/error.h"
#include "core/kernels/patch_rows.h"
#include "core/onednn/convolution.h"
#include "core/ops/elementwise.h"
#include "core/ops/row_products.h"

namespace tessera::ops {
namespace {

using onednn::ConvGeometry;

void check_channels(const Shape& x, const Shape& weight, const Var& bias, std::int64_t groups) {
  if (x.rank() != 4) fail<ShapeError>("[conv2d] x {} is not [B, H, W, I]", x);
  if (weight.rank() != 4 || weight.numel() < 1) {
    fail<ShapeError>("[conv2d] weight {} is not [O, I / groups, kh, kw]", weight);
  }
  if (groups < 1 || x[3] % groups != 0 || weight[0] % groups != 0) {
    fail<ShapeError>("[conv2d] groups {} does not divide the {} channels of x and the {} of weight",
                     groups, x[3], weight[0]);
  }
  if (weight[1] * groups != x[3]) {
    fail<ShapeError>("[conv2d] x {} does not fit weight {} in {} groups: x must have {} channels",
                     x, weight, groups, weight[1] * groups);
  }
  if (bias && bias.shape() != Shape{weight[0]}) {
    fail<ShapeError>("[conv2d] bias {} does not fit weight {}", bias.shape(), weight);
  }
}

ConvGeometry geometry_of(const Var& x, const Shape& weight, const Conv2dConfig& config) {
  ConvGeometry g{.dtype = x.value.dtype(),
                 .batch = x.dim(0),
                 .in_channels = x.dim(3),
                 .out_channels = weight[0],
                 .groups = config.groups,
                 .in_size = {x.dim(1), x.dim(2)},
                 .kernel = {weight[2], weight[3]},
                 .stride = config.stride,
                 .pad_begin = config.pad_begin,
                 .pad_end = config.pad_end};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (g.stride[axis] < 1 || g.pad_begin[axis] < 0 || g.pad_end[axis] < 0) {
      fail<ShapeError>("[conv2d] stride {} must be positive, padding {} and {} not negative",
                       g.stride[axis], g.pad_begin[axis], g.pad_end[axis]);
    }
    const std::int64_t padded = g.in_size[axis] + g.pad_begin[axis] + g.pad_end[axis];
    if (padded < g.kernel[axis]) {
      fail<ShapeError>("[conv2d] kernel {}x{} is larger than x {} with its padding, {} on axis {}",
                       g.kernel[0], g.kernel[1], x.shape(), padded, axis + 1);
    }
    g.out_size[axis] = (padded - g.kernel[axis]) / g.stride[axis] + 1;
  }
  return g;
}

/// The library can only overwrite: what has to be added goes to a buffer of its own first.
Tensor write_buffer(const GradSink& sink) {
  return sink.accumulate ? Tensor::empty(sink.grad.shape(), sink.grad.dtype()) : sink.grad;
}

void add_written(const GradSink& sink, const Tensor& written) {
  if (sink.accumulate) add_into(sink.grad, written);
}

constexpr std::int64_t kSliceRows = 512;

PatchGrid grid_of(const ConvGeometry& g) {
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

/// What onednn::conv_backward_weights computes, without groups: patches are gathered in slices of
/// rows that stay in the cache until they are multiplied. x [B, H, W, I], dy [B, H', W', O]; a sink
/// may be empty. For kernels wider than oneDNN's fast ones: see bench/convolution.cpp.
void gathered_weight_gradient(const ConvGeometry& geometry, const Tensor& x, const Tensor& dy,
                              const GradSink& dweight, const GradSink& dbias) {
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

// Measured (bench/convolution.cpp): beyond this width the library's weight gradient takes three to
// nine times as long as gathering the patches; in bf16 it does at every width, many times as long
// with few or with many channels.
constexpr std::int64_t kWidestFastKernel = 14;

bool gathering_is_faster(const ConvGeometry& g) {
  return g.groups == 1 &&
         (g.dtype == DType::kBF16 || std::max(g.kernel[0], g.kernel[1]) > kWidestFastKernel);
}

/// oneDNN 2.6 gives weight gradients of grouped convolutions in bf16 that are not what they should
/// be where a map is narrower than the stride: 516 of 1107 such cases of a sweep, often by 1e30,
/// and none of 6153 wider ones. Forward pass and data gradient are right.
bool library_is_wrong(const ConvGeometry& g) {
  return g.groups > 1 && g.dtype == DType::kBF16 && g.in_size[1] < g.stride[1];
}

/// Both gradients of the parameters come from one run of the library.
void parameter_gradients(const ConvGeometry& g, const Tensor& x, const Tensor& dy,
                         const GradSink& dweight, const GradSink& dbias, const Shape& weight) {
  if (!dweight && !dbias) return;
  if (gathering_is_faster(g)) return gathered_weight_gradient(g, x, dy, dweight, dbias);
  if (library_is_wrong(g)) {
    ConvGeometry wide = g;
    wide.dtype = DType::kF32;
    return parameter_gradients(wide, cast(x, DType::kF32), cast(dy, DType::kF32), dweight, dbias,
                               weight);
  }
  const Tensor unwanted = dweight ? Tensor() : Tensor::empty(weight);
  const Tensor dw = write_buffer(dweight), db = write_buffer(dbias);
  onednn::conv_backward_weights(g, x.raw(), dy.raw(), dweight ? dw.f32() : unwanted.f32(),
                                dbias ? db.f32() : nullptr);
  add_written(dweight, dw);
  add_written(dbias, db);
}

}  // namespace

Var conv2d(Tape& tape, const Var& x, const Var& weight, const Var& bias,
           const Conv2dConfig& config) {
  check_channels(x.shape(), weight.shape(), bias, config.groups);
  const ConvGeometry g = geometry_of(x, weight.shape(), config);
  Tensor y = Tensor::empty({g.batch, g.out_size[0], g.out_size[1], g.out_channels},
                           g.dtype);  // [B, H', W', O]
  OpScope op(tape, "conv2d",
             {2.0 * static_cast<double>(y.numel()) * static_cast<double>(weight.value.numel()) /
                  static_cast<double>(g.out_channels),
              static_cast<double>(x.value.bytes() + y.bytes() + weight.value.bytes())});
  onednn::conv_forward(g, x.value.raw(), weight.value.f32(), bias ? bias.value.f32() : nullptr,
                       y.raw());
  return tape.record(std::move(y), any_wants_grad(x, weight, bias),
                     [x, weight, bias = bias.target(), g](Tape& t, const Tensor& dy) {
                       if (const GradSink sink = t.sink(x.target())) {
                         const Tensor dx = write_buffer(sink);
                         onednn::conv_backward_data(g, dy.raw(), weight.value.f32(), dx.raw());
                         add_written(sink, dx);
                       }
                       const GradSink dweight = t.sink(weight.target());
                       const GradSink dbias = t.sink(bias);
                       parameter_gradients(g, x.value, dy, dweight, dbias, weight.shape());
                     });
}

}  // namespace tessera::ops
