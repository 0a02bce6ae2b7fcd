// The convolutions of heads as nodes of an ONNX graph.
#pragma once

#include <string>

#include "formats/onnx/layer_graph.h"
#include "formats/onnx/map_nodes.h"
#include "layers/heads/conv_norm.h"

namespace tessera::onnx {

/// A kernel of `side` x `side` around places a stride apart, from the first on; see same_padding.
Map conv(LayerGraph& layers, const std::string& name, const Map& map, std::int64_t side,
         std::int64_t stride = 1);

/// See ConvNorm; batch norm uses its running statistics.
Map conv_norm(LayerGraph& layers, const std::string& name, const Map& map, std::int64_t side,
              const ConvNormRule& rule);

}  // namespace tessera::onnx
