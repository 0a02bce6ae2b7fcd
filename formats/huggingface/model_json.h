// The config.json of a model of Hugging Face's transformers.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "layers/model_config.h"

namespace tessera {

struct HuggingFaceModel {
  ModelConfig model;
  std::vector<std::string> classes;  ///< in the order of labels; empty if they have no names
};

/// The model that the text of a config.json describes: the classifier of `model_type` swin, swinv2
/// or vit, or upernet on a swin, with the padding, the window policy and the epsilons of
/// transformers. What it does not say is as transformers has it. `path` stands for the file in the
/// ConfigError for other kinds of models, for values that no model here has (`hidden_act`), and for
/// what is no such file.
HuggingFaceModel parse_huggingface_model(std::string_view json, const std::string& path);

/// The text of a config.json for the model of `config`; names of `classes` that are missing
/// are `LABEL_0`, ... Throws ConfigError that names the key for a model that transformers cannot
/// build: other embeddings and mergings, a window that is not square or larger than a map, ...
std::string huggingface_model(const ModelConfig& config, std::span<const std::string> classes);

/// Why the model of `config` answers otherwise in transformers; empty if it does not.
std::string huggingface_difference(const ModelConfig& config);

}  // namespace tessera
