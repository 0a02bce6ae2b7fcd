// Products of bf16 where the library has none: copies in f32 are multiplied instead.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace tessera::onednn {

/// Whether the library multiplies bf16 on this CPU: on x86 it needs AVX-512.
bool has_bf16_products();

/// `count` elements as f32: where they lie, or in a copy that this keeps.
class F32Copy {
 public:
  F32Copy(const void* values, DType dtype, std::int64_t count);
  const float* data() const { return data_; }

 private:
  Tensor copy_;
  const float* data_;
};

/// Where `count` elements are computed in f32 that are wanted as `dtype` in `values`: there, or in
/// memory of its own until store(). With `keep` it begins with what `values` holds.
class F32Result {
 public:
  F32Result(void* values, DType dtype, std::int64_t count, bool keep);
  float* data() { return copy_ ? copy_.f32() : static_cast<float*>(values_); }
  void store();

 private:
  void* values_;
  Tensor copy_;
};

}  // namespace tessera::onednn
