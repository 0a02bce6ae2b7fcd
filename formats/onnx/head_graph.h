// Heads as nodes of an ONNX graph.
#pragma once

#include <vector>

#include "formats/onnx/layer_graph.h"

namespace tessera::onnx {

/// What a model of boxes puts out. As it is, with L places or anchors, levels joined fine to
/// coarse: `cls_logits` [N, L, K], `bbox_regression` [N, L, 4], of fcos `bbox_ctrness` [N, L, 1],
/// and `anchors` [L, 4]; see detection_results. Or boxes: `boxes` [N, D, 4], corners in pixels of
/// the input, `scores` [N, D] by falling score, 0 where there is nothing, `labels` [N, D], i64.
struct HeadGraphOptions {
  bool detections = false;
};

/// What all stages put out before any norm, each [N, h, w, C] ([N, 1, 1 + h w, C] with a class
/// token) -> `logits`: [N, classes] of a linear head; of one that answers for every position
/// [N, classes, H, W], enlarged to the size of the image; of one of boxes see HeadGraphOptions.
std::vector<Output> head(LayerGraph& layers, const std::vector<Value>& maps,
                         const HeadGraphOptions& options);

}  // namespace tessera::onnx
