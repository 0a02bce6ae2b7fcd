// What testing does to an image before a network sees it, as nodes of the graph.
#pragma once

#include <vector>

#include "core/shape.h"
#include "formats/onnx/graph_builder.h"

namespace tessera::onnx {

struct PreprocessSpec {
  Size2 image{};                 ///< the network's, pixels
  std::vector<float> mean, std;  ///< a channel each, pixels 0..1
  bool bicubic = false;          ///< else bilinear
  double test_crop = 1.0;        ///< side of the middle that is kept, of the scaled image's
  bool channels_first = false;   ///< of the images that come in
};

/// images uint8 [N, H, W, C] (or [N, C, H, W]) of any size, all of a batch alike -> the network's
/// input, f32 [N, C, h, w]: scaled with antialiasing until they just cover the size, the middle cut
/// out, normalised; the same pixels as Pillow's resize and as in the tests here, whole numbers
/// after each axis.
Value preprocess(GraphBuilder& graph, const Value& images, const PreprocessSpec& spec);

}  // namespace tessera::onnx
