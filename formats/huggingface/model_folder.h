// A model in a folder as Hugging Face's transformers opens it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "formats/huggingface/preprocessor_json.h"
#include "formats/stored_tensor.h"
#include "layers/model_config.h"

namespace tessera {

/// What the README.md of a folder, its model card, tells beside the model's shape.
struct ModelCard {
  std::string name;
  std::string dataset;        ///< empty: not known
  std::string metric;         ///< `accuracy`; empty: nothing was measured
  double value = 0.0;         ///< of the metric
  std::string split;          ///< on which it was measured
  std::string configuration;  ///< YAML of the training; empty: not known
};

struct ModelFolder {
  ModelConfig model;
  std::vector<std::string> classes;
  std::optional<Preprocessing> preprocessing;
  ModelCard card;
};

/// Makes the folder `path`, which must not exist or be empty: config.json,
/// preprocessor_config.json, README.md and the tensors, which have Hugging Face's names, in
/// model.safetensors or in shards of at most `shard_bytes` (0: any number) with an index. All or
/// nothing: a folder that is there is whole. Throws ConfigError (see huggingface_model),
/// CheckpointError if it cannot be written.
void write_model_folder(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                        const ModelFolder& folder, std::uint64_t shard_bytes = 0);

/// The text of a model card, with the front matter that the hub reads.
std::string model_card(const ModelFolder& folder);

}  // namespace tessera
