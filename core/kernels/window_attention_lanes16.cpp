// Window attention with vectors of 16 floats (AVX-512).
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "core/dtype.h"
#include "core/kernels/window_attention_kernels.h"
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
#include "core/ops/window_attention_kernels-inl.h"

}  // namespace

const AttentionKernels kAttentionKernels16{kLanes, forward, backward};

}  // namespace tessera::ops
