// Weights in several files, and folders of weights, as Hugging Face lays them out.
#pragma once

#include <filesystem>
#include <optional>

#include "formats/stored_tensor.h"

namespace tessera {

/// The file of a folder that its weights are read from: model.safetensors,
/// model.safetensors.index.json, pytorch_model.bin or pytorch_model.bin.index.json, the first that
/// is there. nullopt for a folder with none of them and for what is no folder.
std::optional<std::filesystem::path> weights_in(const std::filesystem::path& folder);

/// Whether the name of a file says that it tells which tensors are in which files: `.index.json`.
bool is_shard_index(const std::filesystem::path& path);

/// All tensors of the files that an index names, `{"weight_map": {"TENSOR": "FILE", ...}}`; the
/// files lie beside it. Throws CheckpointError if one is missing or has a name with a folder in it,
/// or if the files hold other tensors than the index says.
TensorFile read_shards(const std::filesystem::path& index);

}  // namespace tessera
