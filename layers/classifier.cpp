#include "layers/classifier.h"

#include "core/error.h"
#include "layers/stage_plan.h"
#include "layers/swin_transformer.h"
#include "layers/vision_transformer.h"

namespace tessera {

Classifier::Classifier(const ModelConfig& config) : config_(config) {}

Var Classifier::forward(Tape& tape, const Var& images, ModelTrace* trace) {
  if (images.shape().rank() != 4 || images.dim(1) != config_.image_size[0] ||
      images.dim(2) != config_.image_size[1] || images.dim(3) != config_.in_channels) {
    fail<ShapeError>("[model] images are {}, the model takes [B, {}, {}, {}]", images.shape(),
                     config_.image_size[0], config_.image_size[1], config_.in_channels);
  }
  if (trace != nullptr) *trace = {};
  return classify(tape, images, trace);
}

std::unique_ptr<Classifier> make_classifier(const ModelConfig& config) {
  ModelConfig resolved = config;
  resolve_position(resolved);
  if (resolved.name == ModelName::kViT) return std::make_unique<VisionTransformer>(resolved);
  return std::make_unique<SwinTransformer>(resolved);
}

}  // namespace tessera
