// The keys of `data:`.
#pragma once

#include <vector>

#include "train/config/keys.h"
#include "train/train_config.h"

namespace tessera {

/// Appends them, bound to `config`.
void add_data_keys(Config& config, std::vector<Key>& keys);

}  // namespace tessera
