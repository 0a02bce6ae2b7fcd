#include "core/onednn/bf16_copies.h"

#include "core/onednn/primitive_descs.h"

namespace tessera::onednn {

bool has_bf16_products() {
  static const bool has = [] {
    try {
      const auto bf16 = memory::data_type::bf16;
      const memory::desc matrix({16, 16}, bf16, memory::format_tag::ab);
      matmul_desc(matrix, matrix, {}, matrix, base_attributes());
      const memory::desc map({1, 16, 4, 4}, bf16, memory::format_tag::nhwc);
      const memory::desc weight({16, 16, 1, 1}, bf16, memory::format_tag::any);
      conv_forward_desc(map, weight, {}, map, {1, 1}, {0, 0}, {0, 0});
      return true;
    } catch (const dnnl::error&) {
      return false;
    }
  }();
  return has;
}

F32Copy::F32Copy(const void* values, DType dtype, std::int64_t count)
    : data_(static_cast<const float*>(values)) {
  if (dtype == DType::kF32) return;
  copy_ = Tensor::empty({count});
  convert(static_cast<const BF16*>(values), copy_.f32(), count);
  data_ = copy_.f32();
}

F32Result::F32Result(void* values, DType dtype, std::int64_t count, bool keep) : values_(values) {
  if (dtype == DType::kF32) return;
  copy_ = Tensor::empty({count});
  if (keep) convert(static_cast<const BF16*>(values), copy_.f32(), count);
}

void F32Result::store() {
  if (copy_) convert(copy_.f32(), static_cast<BF16*>(values_), copy_.numel());
}

}  // namespace tessera::onednn
