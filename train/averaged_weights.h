// Checkpoints of version 0.1 held the trained weights as the model, and the averages that were
// evaluated in the state; now it is the other way round.
#pragma once

#include "formats/stored_tensor.h"

namespace tessera {

/// The state's tensors of averaged weights: version 0.1's, and those of now.
inline constexpr const char* kOldAverages = "ema";
inline constexpr const char* kTrainedWeights = "weights";

/// Puts the averages of a checkpoint of version 0.1 into `model` and its trained weights into
/// `state`, under kTrainedWeights; anything else stays as it is. Throws CheckpointError if the two
/// are not of one model.
void put_averages_first(TensorFile& model, TensorFile& state);

}  // namespace tessera
