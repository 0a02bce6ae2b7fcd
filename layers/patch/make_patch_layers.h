// The one place that chooses among patch embeddings and among patch mergings.
#pragma once

#include <memory>
#include <vector>

#include "layers/model_problems.h"
#include "layers/patch/patch_embed.h"
#include "layers/patch/patch_merging.h"

namespace tessera {

/// What in `config` has no meaning for its patch embedding. A patch that is larger than the image
/// is looked for elsewhere.
std::vector<ConfigProblem> patch_embed_problems(const ModelConfig& config);

/// The embedding that `config.patch_embed.type` names; `config` has no problems.
std::unique_ptr<PatchEmbed> make_patch_embed(const ModelConfig& config);

/// What in `config` has no meaning for its merging of `channels`.
std::vector<ConfigProblem> patch_merging_problems(const ModelConfig& config,
                                                  MergeChannels channels);

/// The merging that `config.patch_merging.type` names; there are no problems.
std::unique_ptr<PatchMerging> make_patch_merging(const ModelConfig& config, MergeChannels channels);

}  // namespace tessera
