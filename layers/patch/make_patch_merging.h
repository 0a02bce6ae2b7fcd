// The one place that chooses among patch mergings.
#pragma once

#include <memory>
#include <vector>

#include "layers/model_problems.h"
#include "layers/patch/patch_merging.h"

namespace tessera {

/// What in `config` has no meaning for its merging of `channels`.
std::vector<ConfigProblem> patch_merging_problems(const ModelConfig& config,
                                                  MergeChannels channels);

/// The merging that `config.patch_merging.type` names; there are no problems.
std::unique_ptr<PatchMerging> make_patch_merging(const ModelConfig& config, MergeChannels channels);

}  // namespace tessera
