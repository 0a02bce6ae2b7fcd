// The model that a run starts from, if that is not drawn from the seed.
#pragma once

#include <memory>
#include <optional>

#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "train/train_config.h"

namespace tessera {

struct InitialModel {
  std::unique_ptr<Model> model;
  LoadReport report;
};

/// The geometry of the model whose weights `file` holds, where its own configuration tells it:
/// Tessera's in its metadata, or the config.json of Hugging Face beside it.
std::optional<ModelConfig> stored_model(const TensorFile& file);

/// Puts the epsilons that the weights were trained with in the place of automatic ones.
void adopt_norms(ModelConfig& model, const std::optional<ModelConfig>& source);

/// The model of `config` with the weights of `config.init` and, see adopt_norms, their epsilons. A
/// model that puts out maps may start from a classifier, whose head is left out, and any model from
/// one that has learned to fill images in, whose decoder is.
/// Throws CheckpointError if they cannot be read or do not fit.
InitialModel load_initial_model(const Config& config);

}  // namespace tessera
