// Weights of 8 bits in a file, and back.
#pragma once

#include <span>
#include <vector>

#include "core/quantization.h"
#include "formats/stored_tensor.h"

namespace tessera {

/// `parameters` as a file of 8 bits holds them: a weight NAME that `codes` has is I8, and beside it
/// stand NAME_scale [out] F32, NAME_input_scale [1] F32 and NAME_input_zero [1] I32; the rest is
/// F32.
std::vector<StoredTensor> quantized_tensors(std::span<const NamedTensor> parameters,
                                            const Quantization& codes);

/// Takes the codes out of `file`, whose weights become F32: each integer times its scale. Empty for
/// a file without. Throws CheckpointError if what belongs together does not fit.
Quantization take_quantization(TensorFile& file);

}  // namespace tessera
