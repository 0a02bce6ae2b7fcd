// The keys of `model.head`.
#pragma once

#include <vector>

#include "layers/heads/head_config.h"
#include "train/config/keys.h"

namespace tessera {

void add_head_keys(HeadConfig& head, std::vector<Key>& keys);

}  // namespace tessera
