// The one place that chooses among heads.
#pragma once

#include <memory>
#include <vector>

#include "layers/heads/head.h"
#include "layers/model_problems.h"

namespace tessera {

/// What in `config` has no meaning for its head.
std::vector<ConfigProblem> head_problems(const ModelConfig& config);

/// The head that `config.head.type` names; `config` has no problems.
std::unique_ptr<Head> make_head(const ModelConfig& config);

}  // namespace tessera
