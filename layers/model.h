// A network together with the flat buffers of its parameters.
#pragma once

#include "core/parameter.h"
#include "layers/swin_transformer.h"

namespace tessera {

struct Model {
  /// Builds the network of `config`; its parameters are zero until initialised or loaded. Throws
  /// ConfigError (see plan_model).
  explicit Model(const ModelConfig& config) : network(config), parameters(network) {}

  SwinTransformer network;
  ParameterStore parameters;
};

}  // namespace tessera
