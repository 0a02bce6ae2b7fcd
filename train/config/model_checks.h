// Values of the `model:` section that do not fit each other.
#pragma once

#include "train/config/checker.h"

namespace tessera {

void check_model_config(const Checker& check);

}  // namespace tessera
