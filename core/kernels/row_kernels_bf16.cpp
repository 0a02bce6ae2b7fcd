// Layer norm and GELU with vectors of 16 floats, rounded to bf16 by the CPU (AVX-512 with bf16).
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/dtype.h"
#include "core/kernels/row_kernels.h"
#include "core/parallel.h"

// From here on only: inline functions of the headers above are shared with files that must run
// without these instructions.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("arch=x86-64-v4,avx512bf16")
#endif

#include "core/kernels/simd_math.h"

namespace tessera::ops {
namespace {

constexpr int kLanes = 16;
constexpr bool kRoundsBf16 = true;
#include "core/ops/row_kernels-inl.h"

}  // namespace

const AllRowKernels kRowKernels16Bf16{kernels_of<float>(), kernels_of<BF16>()};

}  // namespace tessera::ops
