// Layer norm and GELU with vectors of 8 floats (AVX2).
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/dtype.h"
#include "core/kernels/row_kernels.h"
#include "core/kernels/simd_math.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

constexpr int kLanes = 8;
constexpr bool kRoundsBf16 = false;
#include "core/ops/row_kernels-inl.h"

}  // namespace

const AllRowKernels kRowKernels8{kernels_of<float>(), kernels_of<BF16>()};

}  // namespace tessera::ops
