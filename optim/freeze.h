// Parameters that training leaves as they are.
#pragma once

#include <span>
#include <string>

#include "core/parameter.h"

namespace tessera {

/// Marks the parameters whose names fit one of `patterns`, `stages.0.*`, as frozen; `*` stands for
/// any characters, `?` for one. To be called before an optimizer is made. Throws ConfigError for a
/// pattern that no name fits, or if nothing is left to train.
void freeze_parameters(const ParameterStore& store, std::span<const std::string> patterns);

}  // namespace tessera
