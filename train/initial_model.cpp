#include "train/initial_model.h"

#include "core/error.h"
#include "layers/stage_plan.h"
#include "train/checkpoint.h"
#include "train/config/config.h"

namespace tessera {

std::optional<ModelConfig> stored_model(const TensorFile& file) {
  const auto config = file.metadata.find("config");
  if (config == file.metadata.end()) return std::nullopt;
  try {
    const ModelConfig model = parse_config(config->second).model;
    plan_model(model);
    return model;
  } catch (const ConfigError&) {  // of another program, or of another version of this one
    return std::nullopt;
  }
}

InitialModel load_initial_model(const Config& config) {
  InitialModel initial{std::make_unique<Model>(config.model), {}};
  ParameterStore& parameters = initial.model->parameters;
  parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  const TensorFile file = load_model_file(config.init.weights);
  initial.report = load_weights(file, named_values(parameters),
                                {.allow_missing = config.init.allow_missing,
                                 .fit = config.init.fit ? &config.model : nullptr,
                                 .source = stored_model(file)});
  return initial;
}

}  // namespace tessera
