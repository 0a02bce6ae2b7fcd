// Addresses of this target's kernels; nothing here runs.
#include "core/kernels/vector_kernels.h"

namespace tessera::avx512 {
extern const ops::AttentionKernels kAttentionKernels;
}

namespace tessera::TESSERA_TARGET {

extern const ops::AllRowKernels kRowKernels;
extern const ops::AttentionKernels kAttentionKernels;
extern const PeakChains kPeakChains;

extern const VectorKernels kKernels;
#if TESSERA_BF16_UNIT
const VectorKernels kKernels{TESSERA_LANES, &kRowKernels, &avx512::kAttentionKernels, &kPeakChains};
#else
const VectorKernels kKernels{TESSERA_LANES, &kRowKernels, &kAttentionKernels, &kPeakChains};
#endif

}  // namespace tessera::TESSERA_TARGET
