// What this CPU runs, for kernels that one build has in several forms.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tessera {

/// What kernels with explicit vectors are compiled for: core/kernels/vectors/.
enum class VectorTarget : std::uint8_t {
  kBase,        ///< vectors of 8 floats, by what the whole program needs: AVX2 on x86-64
  kAvx512,      ///< vectors of 16 floats
  kAvx512Bf16,  ///< that, with rounding to bf16 and dot products of bf16 and of 8-bit integers
  kAmx,         ///< that, with products of bf16 tiles
};

std::string_view name_of(VectorTarget target);

/// Those that this build has and this CPU runs, the best one last.
std::span<const VectorTarget> vector_targets();

inline VectorTarget best_vector_target() { return vector_targets().back(); }

/// True if this CPU has instructions for bf16 dot products, so that bf16 is worth its while.
bool has_native_bf16();

/// True if it multiplies bf16 tiles too (AMX), and the kernel lets this process do so.
bool has_bf16_tiles();

}  // namespace tessera
