// The kernels with explicit vectors that one target has. core/kernels/vectors/ defines them.
#pragma once

#include <cstdint>

#include "core/kernels/cpu.h"
#include "core/kernels/row_kernels.h"
#include "core/kernels/window_attention_kernels.h"

namespace tessera {

/// Chains of independent multiply-adds, in registers alone, on one thread: they start from `result`
/// [16] and end there, so that none can be left out. They return the floating-point operations
/// done.
struct PeakChains {
  double (*multiply_adds)(float* result);
  /// Null where the target has no such instruction.
  double (*bf16_dots)(float* result);
  double (*int8_dots)(float* result);
};

struct VectorKernels {
  std::int64_t lanes;  ///< floats of a vector
  const ops::AllRowKernels* rows;
  const ops::AttentionKernels* attention;
  const PeakChains* peak;
};

/// `target` is one of vector_targets().
const VectorKernels& vector_kernels(VectorTarget target);

/// Those that this CPU runs best.
const VectorKernels& vector_kernels();

}  // namespace tessera
