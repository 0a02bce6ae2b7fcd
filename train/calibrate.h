// From a trained model to codes of 8 bits for what its linear maps multiply.
#pragma once

#include <functional>
#include <span>

#include "core/quantization.h"
#include "train/learner.h"

namespace tessera {

/// Calls its argument for each batch of some images [B, H, W, C], the same ones each time.
using VisitImages = std::function<void(const std::function<void(const Tensor& images)>& see)>;

/// Codes of all linear maps that the images of `visit` are multiplied by as maps of tokens.
/// Weights reach to the largest magnitude of each row. Inputs are looked at twice, for their range
/// and then for 2048 bins of it, and the code is the one with the least mean square error over
/// these, which may cut off what is rare. The learner evaluates (see Learner::evaluate_only) and
/// knows no codes yet.
Quantization calibrate(Learner& learner, const VisitImages& visit);

/// The ends of the code with the least square error for values counted in equal `bins` from
/// `smallest` to `largest`.
InputCode best_code(std::span<const std::int64_t> bins, float smallest, float largest);

}  // namespace tessera
