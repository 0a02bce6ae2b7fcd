#include "train/model_input.h"

#include <vector>

#include "data/dense_transform.h"
#include "data/transform.h"

namespace tessera {

namespace {

/// Keeps its aspect.
Tensor dense_input(const Image& photo, const Config& config) {
  const ModelConfig& model = config.model;
  const DenseTransform transform({model.image_size[0], model.image_size[1], model.in_channels},
                                 normalization_of(config.data), {}, config.data.resize);
  std::vector<Sample> samples{transform.fit(photo, {})};
  return transform.collate(samples, TargetKind::kBoxes, {}, 1).images;
}

}  // namespace

Tensor model_input(const Image& photo, const Config& config) {
  const ModelConfig& model = config.model;
  if (target_kind_of(config.data.name) != TargetKind::kClass) return dense_input(photo, config);
  const ImageShape shape{model.image_size[0], model.image_size[1], model.in_channels};
  Tensor input = Tensor::empty({1, shape.height, shape.width, shape.channels});
  Transform(shape, normalization_of(config.data), {}, config.data.resize)
      .normalize(photo, input.f32());
  return input;
}

ImageSize model_input_pixels(const Config& config) {
  if (config.data.whole_images) return {};
  const ModelConfig& model = config.model;
  return enough_pixels({model.image_size[0], model.image_size[1], model.in_channels},
                       config.data.resize.test_crop);
}

}  // namespace tessera
