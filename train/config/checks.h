// What no single key can show: values that do not fit each other or the data set.
#pragma once

#include "data/files/problems.h"
#include "train/config/reader.h"
#include "train/train_config.h"

namespace tessera {

/// Puts values in the place of `auto` in `config.model`: numbers of the data set, or without one
/// the initialisers of ModelConfig; the position of the model's paper.
/// Classes of a folder are those of its training images; what hinders reading them is a problem if
/// the model depends on them.
void resolve_auto(Config& config, const ReadState& state, Problems& problems);

/// Adds what cannot work together to `problems`, at the places of the keys involved. `config` is
/// resolved. Keys that could not be read are left out of the checks.
void check_config(const Config& config, const ReadState& state, Problems& problems);

}  // namespace tessera
