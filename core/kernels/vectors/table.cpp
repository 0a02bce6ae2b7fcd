// Addresses of this target's kernels; nothing here runs.
#include "core/kernels/vector_kernels.h"

namespace tessera::TESSERA_TARGET {

extern const ops::AllRowKernels kRowKernels;
extern const ops::AttentionKernels kAttentionKernels;
extern const PeakChains kPeakChains;

extern const VectorKernels kKernels;
const VectorKernels kKernels{TESSERA_LANES, &kRowKernels, &kAttentionKernels, &kPeakChains};

}  // namespace tessera::TESSERA_TARGET
