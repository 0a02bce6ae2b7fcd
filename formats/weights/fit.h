// Weights of another geometry made to fit a model.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/tensor.h"
#include "formats/weights/source_geometry.h"
#include "layers/model_config.h"

namespace tessera {

struct FittedTensor {
  Tensor values;
  std::string how;  ///< `resized bicubically from 13x13 to 7x7 offsets`
};

/// `values`, trained as the parameter `name` of a model of geometry `source`, for the model of
/// `config`, where the parameter has `shape`. What can be fitted: relative position bias tables to
/// another window and absolute positions to another map, both bicubically as in the official code;
/// kernels that read the image, those of every patch embedding, to another size or number of
/// channels, and the norm in front of a shifted one to another (square) patch. nullopt for anything
/// else: a table or positions that are not square where the source is not known, a convolutional
/// stem of another depth, a shifted embedding of other directions or channels.
std::optional<FittedTensor> fit_tensor(std::string_view name, const Tensor& values,
                                       const Shape& shape, const ModelConfig& config,
                                       const SourceGeometry& source);

}  // namespace tessera
