// The data set that a configuration names.
#pragma once

#include <memory>

#include "data/dataset.h"
#include "train/train_config.h"

namespace tessera {

/// Reads one split. Throws ConfigError if the configuration names no data set, else as open_dataset
/// does.
std::unique_ptr<Dataset> open_split(const Config& config, Split split);

/// Says that the validation's images are those of the test split, on which the best checkpoint is
/// chosen then; empty if they are not, or if the data cannot be found.
std::string validation_notice(const Config& config);

}  // namespace tessera
