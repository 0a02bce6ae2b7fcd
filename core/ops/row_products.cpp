#include "core/ops/row_products.h"

#include "core/onednn/primitives.h"

namespace tessera {

void multiply_rows(const Tensor& weight, WeightUse use, const RowProduct& product) {
  const bool forward = use == WeightUse::kForward;
  const DType dtype = weight.dtype();
  onednn::matmul({.m = product.rows,
                  .n = weight.dim(forward ? 0 : 1),
                  .k = weight.dim(forward ? 1 : 0),
                  .a = product.x,
                  .a_dtype = dtype,
                  .b = weight.raw(),
                  .b_transposed = forward,
                  .b_dtype = dtype,
                  .c = product.y,
                  .c_dtype = dtype,
                  .bias = product.bias,
                  .accumulate = product.accumulate});
}

void add_weight_gradient(const void* dy, std::int64_t out, const void* x, std::int64_t in,
                         DType dtype, std::int64_t rows, PartialSums& sums, int part) {
  if (!sums) return;
  onednn::matmul({.m = out,
                  .n = in,
                  .k = rows,
                  .a = dy,
                  .a_transposed = true,
                  .a_dtype = dtype,
                  .b = x,
                  .b_dtype = dtype,
                  .c = sums.target(part),
                  .accumulate = sums.accumulate(part)});
}

}  // namespace tessera
