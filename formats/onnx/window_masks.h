// Which tokens of a window must not see each other, as a constant of an exported graph.
#pragma once

#include "core/tensor.h"
#include "layers/window_plan.h"

namespace tessera::onnx {

/// What is added to the logits of each window: -100 between tokens that the roll brought together
/// from opposite sides of the map, -1e30 for keys of the padding if that takes no part; see
/// ops::window_attention. -> [1, windows, 1, N, N], or none if it would be zero everywhere.
Tensor window_mask(const WindowPlan& plan, Size2 map, WindowPadding padding);

}  // namespace tessera::onnx
