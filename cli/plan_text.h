// What a configuration means, as a person reads it.
#pragma once

#include <string>

#include "train/train_config.h"

namespace tessera {

/// The stage plan as a table, then parameters, arithmetic and memory.
std::string plan_text(const Config& config);

}  // namespace tessera
