// What a configuration means, as a person reads it.
#pragma once

#include <string>

#include "train/train_config.h"

namespace tessera {

/// The stage plan as a table, then parameters, arithmetic and memory.
std::string plan_text(const Config& config);

/// Bytes that training takes at its peak, by the plan alone.
std::int64_t predicted_bytes(const Config& config, std::int64_t parameters);

}  // namespace tessera
