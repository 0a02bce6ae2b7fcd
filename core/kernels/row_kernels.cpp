#include "core/kernels/row_kernels.h"

#include "core/kernels/cpu.h"

namespace tessera::ops {
namespace {

const AllRowKernels& best_kernels() {
  if (choose_lanes(0) == 8) return kRowKernels8;
  return has_native_bf16() ? kRowKernels16Bf16 : kRowKernels16;
}

}  // namespace

template <>
const RowKernels<float>& row_kernels() {
  return best_kernels().f32;
}
template <>
const RowKernels<BF16>& row_kernels() {
  return best_kernels().bf16;
}

}  // namespace tessera::ops
