// Heads of object detection as nodes of an ONNX graph.
#pragma once

#include <vector>

#include "formats/onnx/head_graph.h"
#include "formats/onnx/map_nodes.h"

namespace tessera::onnx {

/// The normed maps of the stages, those that no head reads empty -> what HeadGraphOptions says.
std::vector<Output> detector(LayerGraph& layers, const std::vector<Map>& maps,
                             const HeadGraphOptions& options);

}  // namespace tessera::onnx
