// What in a model's configuration cannot be meant.
#pragma once

#include <string>
#include <vector>

#include "layers/model_config.h"

namespace tessera {

/// A value that cannot be meant.
struct ConfigProblem {
  std::vector<std::string> keys;      ///< `model.patch_embed.kernel`; the one to blame first
  std::string text;                   ///< values and way out
  std::vector<std::string> others{};  ///< keys whose values have a part in it as well
};

/// Every combination of values in `config` that has no meaning, with the keys it comes from:
/// lists of different length, heads that do not divide, a patch larger than the image, a map that
/// vanishes; what embedding, positions, merging and head of the model ask for. `config` has no
/// `position.automatic`.
std::vector<ConfigProblem> model_problems(const ModelConfig& config);

/// Throws ConfigError for the first of them.
void throw_first_problem(const ModelConfig& config);

}  // namespace tessera
