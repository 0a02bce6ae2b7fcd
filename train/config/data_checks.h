// Checks of the data in combination with the model and with each other.
#pragma once

#include "train/config/checker.h"

namespace tessera {

/// Adds what does not fit in `data:`, and between it and `model:`.
void check_data_config(const Checker& check);

}  // namespace tessera
