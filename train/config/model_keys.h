// The keys of the `model:` section.
#pragma once

#include <vector>

#include "train/config/keys.h"

namespace tessera {

/// Adds the keys bound to `model`, which must outlive them.
void add_model_keys(ModelConfig& model, std::vector<Key>& keys);

}  // namespace tessera
