#include "core/ops/quantized_products.h"

#include "core/kernels/element.h"
#include "core/onednn/quantized_matmul.h"

namespace tessera {
namespace {

constexpr std::int64_t kQuantizeGrain = 1 << 14;  // elements worth a thread

}  // namespace

QuantizedWeight::QuantizedWeight(const Tensor& weight, const LinearCode& code)
    : in_(weight.dim(1)),
      out_(weight.dim(0)),
      input_(code.input),
      scales_(Tensor::empty({weight.dim(0)})),
      zero_sums_(Tensor::empty({weight.dim(0)})) {
  const std::vector<std::int8_t> integers = weight_integers(weight, code.weight_scales);
  packed_ = onednn::pack_transposed(integers, out_, in_);
  for (std::int64_t row = 0; row < out_; ++row) {
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < in_; ++i) sum += integers[static_cast<std::size_t>(row * in_ + i)];
    const float scale = input_.scale * code.weight_scales[static_cast<std::size_t>(row)];
    scales_.f32()[row] = scale;
    zero_sums_.f32()[row] =
        static_cast<float>(static_cast<double>(scale) * static_cast<double>(input_.zero * sum));
  }
}

Tensor QuantizedWeight::offsets(const float* bias) const {
  Tensor offsets = Tensor::empty({out_});
  for (std::int64_t i = 0; i < out_; ++i) {
    offsets.f32()[i] = (bias != nullptr ? bias[i] : 0.0f) - zero_sums_.f32()[i];
  }
  return offsets;
}

void QuantizedWeight::multiply(const std::uint8_t* x, std::int64_t rows, const Tensor& offsets,
                               void* y, DType dtype) const {
  onednn::matmul({.m = rows,
                  .n = out_,
                  .k = in_,
                  .a = x,
                  .b = packed_.raw(),
                  .scales = scales_.f32(),
                  .bias = offsets.f32(),
                  .c = y,
                  .c_dtype = dtype});
}

QuantizedSlices::QuantizedSlices(const RowSlices& slices, std::int64_t columns)
    : bytes_(slices.slice * columns), buffer_(onednn::byte_buffer(slices.parts * bytes_)) {}

std::uint8_t* QuantizedSlices::of(int part) const {
  return static_cast<std::uint8_t*>(buffer_.raw()) + part * bytes_;
}

void quantize(const void* x, DType dtype, const InputCode& code, std::uint8_t* q,
              std::int64_t count, bool gelu) {
  with_element_type(dtype, [&](auto element) {
    using T = decltype(element);
    const auto& kernels = ops::row_kernels<T>();
    const auto kernel = gelu ? kernels.gelu_quantize : kernels.quantize;
    parallel_for(count, kQuantizeGrain, [&](std::int64_t begin, std::int64_t end) {
      kernel(static_cast<const T*>(x) + begin, 1.0f / code.scale, static_cast<float>(code.zero),
             q + begin, end - begin);
    });
  });
}

RowSlices plan_quantized_slices(std::int64_t rows, std::int64_t weight_elements) {
  constexpr std::int64_t kSliceRows = 512;
  constexpr std::int64_t kMaxWeightElements = 192 * 768;
  if (weight_elements > kMaxWeightElements || rows < 2 * kSliceRows) return {rows, rows, 1};
  return {rows, kSliceRows, num_parts(rows, kSliceRows)};
}

}  // namespace tessera
