#include "train/model_input.h"

#include <algorithm>
#include <span>
#include <vector>

#include "data/augment/draw_placement.h"
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

Image seen_image(const Image& photo, const Config& config) {
  const ModelConfig& model = config.model;
  return fit(photo, {model.image_size[0], model.image_size[1], photo.shape.channels},
             config.data.resize);
}

std::optional<Size2> seen_pixel(Size2 pixel, const ImageShape& photo, const Config& config) {
  const ModelConfig& model = config.model;
  const ImageShape seen{model.image_size[0], model.image_size[1], photo.channels};
  const auto y = static_cast<float>(pixel[0]), x = static_cast<float>(pixel[1]);
  const Box box{x, y, x + 1.0f, y + 1.0f};
  const std::vector<Box> found = place(std::span(&box, 1), fitted(photo, seen, config.data.resize));
  if (found.empty()) return std::nullopt;
  const auto middle = [](float low, float high, std::int64_t side) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(0.5f * (low + high)), 0, side - 1);
  };
  return Size2{middle(found[0].y0, found[0].y1, seen.height),
               middle(found[0].x0, found[0].x1, seen.width)};
}

ImageSize model_input_pixels(const Config& config) {
  if (config.data.whole_images) return {};
  const ModelConfig& model = config.model;
  return enough_pixels({model.image_size[0], model.image_size[1], model.in_channels},
                       config.data.resize.test_crop);
}

}  // namespace tessera
