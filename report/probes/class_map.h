// What in an image speaks for a class.
#pragma once

#include <cstdint>
#include <vector>

#include "layers/model.h"
#include "layers/window_attention.h"

namespace tessera::report {

/// Grad-CAM (arXiv:1610.02391, section 3) on the normed map A [h, w, C] of the last stage, for each
/// of `classes`: [h, w], max(0, sum over channels of A times the mean over the map of the gradient
/// of the class's logit). As the head takes the mean over the map, that sum is also what each token
/// adds to the logit (class activation mapping, arXiv:1512.04150). `image` is [1, H, W, C]. Throws
/// ConfigError if the head pools a class token, to which only that one contributes.
std::vector<Tensor> class_maps(Model& model, const Tensor& image,
                               const std::vector<std::int64_t>& classes);

/// Attention rollout (arXiv:2005.00928, section 3) of a model whose windows are the whole map:
/// [h, w], what the output takes from each patch when the mean attention of the heads and the
/// residual, half and half, are followed through all blocks; the mean is 1. Throws ConfigError for
/// other models.
Tensor attention_rollout(const ModelTrace& trace, const ModelConfig& config);

}  // namespace tessera::report
