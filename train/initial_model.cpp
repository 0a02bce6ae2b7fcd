#include "train/initial_model.h"

#include <algorithm>

#include "core/error.h"
#include "formats/huggingface/model_json.h"
#include "formats/read_weights.h"
#include "layers/stage_plan.h"
#include "train/checkpoint.h"
#include "train/config/config.h"

namespace tessera {

namespace {

/// Whether `model` puts out maps and the weights are those of a classifier, of a backbone alone or
/// of another dense task: no tensor of its head has one in the file.
bool is_of_another_task(const TensorFile& file, const std::optional<std::string>& prefix,
                        const Model& model) {
  if (!is_dense(model.config().head.type)) return false;
  const Translation translation = translate(file, prefix);
  return std::ranges::none_of(translation.parameters, [&](const Translation::Entry& entry) {
    return is_head(entry.tensor.name) && model.parameters.find(entry.tensor.name) != nullptr;
  });
}

}  // namespace

std::optional<ModelConfig> stored_model(const TensorFile& file) {
  try {
    if (const auto json = file.metadata.find(kModelJson); json != file.metadata.end()) {
      return parse_huggingface_model(json->second, file.path).model;
    }
    const auto config = file.metadata.find("config");
    if (config == file.metadata.end()) return std::nullopt;
    const ModelConfig model = parse_config(config->second).model;
    plan_model(model);
    return model;
  } catch (const ConfigError&) {  // of another program, or of another version of this one
    return std::nullopt;
  }
}

void adopt_norms(ModelConfig& model, const std::optional<ModelConfig>& source) {
  if (!source) return;
  if (model.norm_epsilon == 0.0) model.norm_epsilon = source->norm_epsilon;
  if (model.patch_norm_epsilon == 0.0) model.patch_norm_epsilon = source->patch_norm_epsilon;
}

InitialModel load_initial_model(const Config& config) {
  const TensorFile file = load_model_file(config.init.weights);
  const std::optional<ModelConfig> source = stored_model(file);
  ModelConfig model = config.model;
  adopt_norms(model, source);
  InitialModel initial{std::make_unique<Model>(model), {}};
  ParameterStore& parameters = initial.model->parameters;
  parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  const auto prefix = config.init.prefix.empty() ? std::nullopt : std::optional(config.init.prefix);
  initial.report = load_weights(file, named_values(parameters),
                                {.prefix = prefix,
                                 .allow_missing = config.init.allow_missing,
                                 .backbone_only = is_of_another_task(file, prefix, *initial.model),
                                 .fit = config.init.fit ? &config.model : nullptr,
                                 .source = source});
  return initial;
}

}  // namespace tessera
