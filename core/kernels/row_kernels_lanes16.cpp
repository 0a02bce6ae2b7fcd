// Layer norm and GELU with vectors of 16 floats (AVX-512).
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
// without AVX-512.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC target("arch=x86-64-v4")
#endif

#include "core/kernels/simd_math.h"

namespace tessera::ops {
namespace {

constexpr int kLanes = 16;
constexpr bool kRoundsBf16 = false;
#include "core/ops/row_kernels-inl.h"

}  // namespace

const AllRowKernels kRowKernels16{kernels_of<float>(), kernels_of<BF16>()};

}  // namespace tessera::ops
