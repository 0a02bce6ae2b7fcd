#include "core/ops/row_products.h"

#include <functional>

#include "core/onednn/matmul.h"

namespace tessera {

bool PackedWeights::holds(const Tensor& weight) const {
  const std::less<const float*> before;
  const float* begin = parameters_.f32();
  return !before(weight.f32(), begin) && before(weight.f32(), begin + parameters_.numel());
}

Tensor PackedWeights::get(const Tensor& weight, DType dtype) {
  if (!holds(weight)) return onednn::pack(weight, true, dtype);
  Tensor& kept = kept_[{weight.f32() - parameters_.f32(), weight.dim(0), weight.dim(1), dtype}];
  if (!kept) kept = onednn::pack(weight, true, dtype);
  return kept;
}

void PackedWeights::quantize(const Tensor& weight, const LinearCode& code) {
  quantized_.insert_or_assign(weight.f32() - parameters_.f32(), QuantizedWeight(weight, code));
}

const QuantizedWeight* PackedWeights::quantized(const Tensor& weight) const {
  if (quantized_.empty() || !holds(weight)) return nullptr;
  const auto found = quantized_.find(weight.f32() - parameters_.f32());
  return found == quantized_.end() ? nullptr : &found->second;
}

RowWeight::RowWeight(const Tensor& weight, WeightUse use, DType dtype, const RowSlices& slices,
                     PackedWeights* kept)
    : use_(use),
      in_(weight.dim(1)),
      out_(weight.dim(0)),
      packed_(dtype != weight.dtype() || !slices.is_whole()),
      values_(!packed_ ? weight
              : kept != nullptr && use == WeightUse::kForward
                  ? kept->get(weight, dtype)
                  : onednn::pack(weight, use == WeightUse::kForward, dtype)) {}

void RowWeight::multiply(const RowProduct& product) const {
  const bool forward = use_ == WeightUse::kForward;
  const DType dtype = values_.dtype();
  onednn::matmul({.m = product.rows,
                  .n = forward ? out_ : in_,
                  .k = forward ? in_ : out_,
                  .a = product.x,
                  .a_dtype = dtype,
                  .b = values_.raw(),
                  .b_transposed = forward,
                  .b_packed = packed_,
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
