// How much a class counts in the loss, where the data are to say so.
#pragma once

#include "data/dataset.h"
#include "train/train_config.h"

namespace tessera {

/// `config` with the weights of `task.class_weights: balanced` or `effective` worked out from the
/// classes of `train` or from its masks, all of which are read; else as it is. Throws DataError as
/// reading them does, unless what cannot be read is to be skipped.
Config with_class_weights(Config config, const Dataset& train);

}  // namespace tessera
