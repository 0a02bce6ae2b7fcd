// The keys of `task:`.
#pragma once

#include <vector>

#include "train/config/keys.h"
#include "train/train_config.h"

namespace tessera {

/// Appends them, bound to `config`, which must outlive them.
void add_task_keys(Config& config, std::vector<Key>& keys);

}  // namespace tessera
