// Reading of weight files of any known format.
#pragma once

#include <filesystem>

#include "formats/stored_tensor.h"

namespace tessera {

/// Reads a safetensors file or one of PyTorch (see parse_torch_file); what a file is shows in its
/// first bytes, not in its name. Throws CheckpointError.
TensorFile read_weights(const std::filesystem::path& path);

}  // namespace tessera
