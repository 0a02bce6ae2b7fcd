// A network together with the flat buffers of its parameters.
#pragma once

#include <memory>

#include "core/parameter.h"
#include "layers/classifier.h"

namespace tessera {

class Model {
 public:
  /// Builds the network of `config`; its parameters are zero until initialised or loaded. Throws
  /// ConfigError (see plan_model).
  explicit Model(const ModelConfig& config)
      : owned_(make_classifier(config)), network(*owned_), parameters(network) {}

 private:
  std::unique_ptr<Classifier> owned_;

 public:
  Classifier& network;
  ParameterStore parameters;
};

}  // namespace tessera
