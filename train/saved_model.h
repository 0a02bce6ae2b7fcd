// A trained model as commands other than `train` use it.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

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

/// Whether `path` is what load_saved_model takes where a configuration could stand too: a folder, a
/// file of weights, or `checkpoints/last` and `checkpoints/best`, which are names alone.
bool is_saved_model(const std::filesystem::path& path);

/// The configuration alone of what load_saved_model takes; `notes`, if given, receives a line on
/// what of it is a guess. Throws as load_saved_model.
Config read_saved_config(const std::filesystem::path& path,
                         std::span<const std::string> overrides = {},
                         std::vector<std::string>* notes = nullptr);

/// The weights of `saved` in a model of its configuration with further `overrides`, fitted where
/// the geometry is another: see fit_tensor. Throws ConfigError if they cannot be.
SavedModel fit_saved_model(const SavedModel& saved, std::span<const std::string> overrides);

}  // namespace tessera
