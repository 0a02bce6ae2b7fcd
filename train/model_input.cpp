#include "train/model_input.h"

#include "data/transform.h"

namespace tessera {

Tensor model_input(const Image& photo, const Config& config) {
  const ModelConfig& model = config.model;
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
