#include "core/kernels/vector_kernels.h"

#include <cassert>

#include "core/kernels/row_kernels.h"

namespace tessera {

namespace base {
extern const VectorKernels kKernels;
}
namespace avx512 {
extern const VectorKernels kKernels;
}
namespace avx512_bf16 {
extern const VectorKernels kKernels;
}
namespace amx {
extern const VectorKernels kKernels;
}

const VectorKernels& vector_kernels(VectorTarget target) {
  switch (target) {
#if defined(TESSERA_AVX512_KERNELS)
    case VectorTarget::kAvx512:
      return avx512::kKernels;
    case VectorTarget::kAvx512Bf16:
      return avx512_bf16::kKernels;
    case VectorTarget::kAmx:
      return amx::kKernels;
#endif
    default:
      assert(target == VectorTarget::kBase);
      return base::kKernels;
  }
}

const VectorKernels& vector_kernels() {
  static const VectorKernels& best = vector_kernels(best_vector_target());
  return best;
}

}  // namespace tessera

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
