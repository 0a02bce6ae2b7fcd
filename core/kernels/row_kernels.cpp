#include "core/kernels/row_kernels.h"

#include "core/kernels/vector_kernels.h"

namespace tessera::ops {

template <>
const RowKernels<float>& row_kernels() {
  return vector_kernels().rows->f32;
}
template <>
const RowKernels<BF16>& row_kernels() {
  return vector_kernels().rows->bf16;
}

}  // namespace tessera::ops
