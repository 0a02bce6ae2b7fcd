// How much memory a training takes, worked out from its configuration alone.
#pragma once

#include <cstdint>
#include <optional>

#include "core/dtype.h"
#include "layers/model_config.h"

namespace tessera {

/// A model that answers in every update and does not learn: see Teacher.
struct AskedModel {
  ModelConfig config{};
  std::int64_t parameters = 0;
  std::int64_t state_copies = 0;  ///< while it is loaded
  DType dtype = DType::kF32;
};

/// What of a training decides on its memory beside the model.
struct TrainingLoad {
  std::int64_t parameters = 0;    ///< learned scalars
  std::int64_t state_copies = 0;  ///< buffers of their size: moments, averages
  std::int64_t batch = 0;         ///< images that pass the model at once
  std::int64_t batches = 1;       ///< of images in memory: those of an update, those waiting
  DType dtype = DType::kF32;      ///< of activations
  bool orthogonalizes = false;    ///< the optimizer is Muon
  bool recompute = false;         ///< of blocks only what enters is kept: see TapeOptions
  std::optional<AskedModel> asked{};
};

/// Bytes of the process at the peak of such a training: parameters, gradients, state, what the tape
/// saves, what ops work in, images, a model that is asked. A training step is gone through tensor
/// by tensor, with the blocks that the pool would take, which it never gives back. Within 10 % of
/// what training was measured to take, of dense heads within 15 % (tests/program/memory_test.cpp).
/// Throws as plan_model does.
std::int64_t predict_training_bytes(const ModelConfig& config, const TrainingLoad& load);

}  // namespace tessera
