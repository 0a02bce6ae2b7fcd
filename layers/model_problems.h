// What in a model's configuration cannot be meant.
#pragma once

#include <vector>

#include "layers/config_problem.h"
#include "layers/model_config.h"

namespace tessera {

/// Every combination of values in `config` that has no meaning, with the keys it comes from:
/// lists of different length, heads that do not divide, a patch larger than the image, a map that
/// vanishes; what embedding, positions, merging and head of the model ask for. `config` has no
/// `position.automatic`.
std::vector<ConfigProblem> model_problems(const ModelConfig& config);

/// Throws ConfigError for the first of them.
void throw_first_problem(const ModelConfig& config);

}  // namespace tessera
