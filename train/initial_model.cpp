#include "train/initial_model.h"

#include "train/weights/read_weights.h"

namespace tessera {

InitialModel load_initial_model(const Config& config) {
  InitialModel initial{std::make_unique<Model>(config.model), {}};
  ParameterStore& parameters = initial.model->parameters;
  parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  initial.report = load_weights(read_weights(config.init.weights), named_values(parameters),
                                {.allow_missing = config.init.allow_missing,
                                 .fit = config.init.fit ? &config.model : nullptr});
  return initial;
}

}  // namespace tessera
