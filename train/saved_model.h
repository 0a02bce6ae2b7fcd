// A trained model as commands other than `train` use it.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "train/checkpoint.h"
#include "train/learner.h"

namespace tessera {

struct SavedModel {
  Config config;
  std::filesystem::path path;  ///< of the weights
  CheckpointMeta meta;
  Quantization codes{};              ///< of weights of 8 bits, which the learner heeds if it can
  std::unique_ptr<Learner> learner;  ///< holds the averaged weights where there are any
};

/// The best checkpoint of a run's folder (the last, if none is best), a checkpoint's folder. Its
/// configuration comes with it; `overrides` are laid over it. Other weights, of any framework, come
/// with the configuration that open_weights finds. Throws CheckpointError, ConfigError.
SavedModel load_saved_model(const std::filesystem::path& path,
                            std::span<const std::string> overrides = {});

/// The weights of `saved` in a model of its configuration with further `overrides`, fitted where
/// the geometry is another: see fit_tensor. Throws ConfigError if they cannot be.
SavedModel fit_saved_model(const SavedModel& saved, std::span<const std::string> overrides);

}  // namespace tessera
