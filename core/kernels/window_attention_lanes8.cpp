// Window attention with vectors of 8 floats (AVX2).
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
#include "core/kernels/simd_math.h"
#include "core/kernels/window_attention_kernels.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

constexpr int kLanes = 8;
constexpr bool kRoundsBf16 = false;
#include "core/ops/window_attention_kernels-inl.h"

}  // namespace

const AttentionKernels kAttentionKernels8{kLanes, forward, backward};

}  // namespace tessera::ops
