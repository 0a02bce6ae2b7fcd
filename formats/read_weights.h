// Reading of weight files of any known format.
#pragma once

#include <filesystem>

#include "formats/stored_tensor.h"

namespace tessera {

/// The key of a TensorFile's metadata under which the text of a model's config.json stands, where
/// one lies beside the weights.
inline constexpr const char* kModelJson = "hf_config";

/// Likewise preprocessor_config.json.
inline constexpr const char* kPreprocessorJson = "hf_preprocessor";

/// Reads a safetensors file or one of PyTorch (see parse_torch_file); what a file is shows in its
/// first bytes, not in its name. Also a folder of such weights and an index of shards: see
/// shards.h. Throws CheckpointError.
TensorFile read_weights(const std::filesystem::path& path);

/// Whether a file begins as weights do, or is called as an index of shards is. False for what
/// cannot be read.
bool is_weight_file(const std::filesystem::path& path);

/// A file alone.
TensorFile read_weight_file(const std::filesystem::path& path);

}  // namespace tessera
