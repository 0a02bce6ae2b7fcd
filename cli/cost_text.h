// What a configuration costs as a person reads it: planned, and measured.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "train/speed.h"
#include "train/train_config.h"

namespace tessera {

/// The stage plan as a table, then parameters, arithmetic and memory.
std::string plan_text(const Config& config);

/// One line on pixels that no token sees; empty if all are seen.
std::string unseen_text(const ModelConfig& model);

/// Rates, loader and a table of ops each for training and inference, slowest first.
std::string speed_text(const Speed& speed, const Config& config);

/// The same as one object; see the footer of `tessera bench --help`.
nlohmann::ordered_json speed_json(const Speed& speed, const Config& config);

}  // namespace tessera
