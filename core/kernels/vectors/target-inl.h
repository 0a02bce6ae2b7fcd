// What a file of this folder includes, and nothing else does. The files are compiled once for every
// target of core/CMakeLists.txt, which defines
//   TESSERA_TARGET        name of the target's namespace
//   TESSERA_LANES         floats of a vector
//   TESSERA_BF16_UNIT     1: the target rounds to bf16 and multiplies bf16 itself
//   TESSERA_TILES         1: it multiplies tiles of bf16 too
//   TESSERA_INSTRUCTIONS  what the target has beyond the rest of the program; not defined: nothing
// Inline functions of other headers are shared with files that must run on any CPU: all that this
// folder needs stands here, in front of the switch to the target.
#pragma once

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
#include "core/kernels/vector_kernels.h"
#include "core/parallel.h"

#if defined(TESSERA_INSTRUCTIONS)
#define TESSERA_PRAGMA(text) _Pragma(#text)
#define TESSERA_PRAGMA_TARGET(instructions) TESSERA_PRAGMA(GCC target(instructions))
TESSERA_PRAGMA_TARGET(TESSERA_INSTRUCTIONS)
#endif

// Functions on vectors: always inline, so it does not matter who compiled them first.
#include "core/kernels/simd_math.h"

namespace tessera::ops {
namespace {

constexpr int kLanes = TESSERA_LANES;
constexpr bool kBf16Unit = TESSERA_BF16_UNIT != 0;

}  // namespace
}  // namespace tessera::ops
