// Weights of any framework as a model that commands can use, without a configuration of its own.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/stored_tensor.h"
#include "train/saved_model.h"

namespace tessera {

/// A configuration for the weights of `file`: what Tessera's own metadata say; else the model of
/// Hugging Face's config.json beside it, with its classes and preprocessing; else what names and
/// shapes tell (see infer_model), normalised as ImageNet. What had to be guessed goes to `notes`.
/// Throws CheckpointError, ConfigError.
Config configuration_for(const TensorFile& file, std::vector<std::string>& notes,
                         const std::optional<std::string>& prefix = std::nullopt);

/// Whether `path` is a file or a folder of weights, and neither a run nor a checkpoint.
bool are_weights(const std::filesystem::path& path);

/// The model of the weights at `path`; `overrides` are laid over its configuration. Notes go to
/// standard error.
SavedModel open_weights(const std::filesystem::path& path, std::span<const std::string> overrides);

}  // namespace tessera
