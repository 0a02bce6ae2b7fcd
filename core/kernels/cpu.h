// What this CPU runs, for kernels that one build has in several forms.
#pragma once

#include <cstdint>

namespace tessera {

/// Floats in a vector: 8 (AVX2) or 16 (AVX-512) as asked for, or with 0 the most that this CPU
/// runs. Throws ConfigError if it cannot run them.
std::int64_t choose_lanes(std::int64_t lanes);

/// True if this CPU has instructions for bf16 dot products, so that bf16 is worth its while.
bool has_native_bf16();

}  // namespace tessera
