// The model that a set of weights belongs to, worked out from their names and shapes.
#pragma once

#include <string>
#include <vector>

#include "formats/weights/translate.h"
#include "layers/model_config.h"

namespace tessera {

struct InferredModel {
  ModelConfig model;
  std::vector<std::string> guesses;  ///< keys that no tensor tells: `model.image_size`
};

/// Of the classifier that `translation`, of `file`, holds, with the padding and window policy of
/// its framework. What shapes do not tell is taken from habit and listed: the image size that makes
/// the last map one window, heads of 64 channels in a ViT, a window of 8 in a Swin v2 without
/// buffers, Hugging Face's epsilons. Throws CheckpointError for tensors that are missing or of no
/// such model.
InferredModel infer_model(const TensorFile& file, const Translation& translation);

}  // namespace tessera
