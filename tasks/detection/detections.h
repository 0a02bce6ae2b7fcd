// From what a detector puts out to boxes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "data/batch.h"
#include "layers/model_config.h"

namespace tessera {

/// A box that a detector has found, in pixels from the upper left corner of the image.
struct Detection {
  float x0 = 0.0f;
  float y0 = 0.0f;
  float x1 = 0.0f;
  float y1 = 0.0f;
  std::int32_t label = 0;
  float score = 0.0f;  ///< 0..1
};

/// Of image `index` of the head's outputs, f32 (see FcosOutput, RetinaNetOutput), for a batch of
/// images of size `image`, of which this one fills `size` from the upper left corner on: the
/// `before_nms` best of each level with a score above the threshold, cut to `size`, without those
/// that overlap a better one of their class, the `keep` best, by falling score.
std::vector<Detection> detections_of(const ModelConfig& model, std::span<const Tensor> outputs,
                                     std::int64_t index, Size2 image, Size2 size);

/// Of all images of a batch, in pixels of the images as they were before they were scaled.
std::vector<std::vector<Detection>> detections_of(const ModelConfig& model,
                                                  std::span<const Tensor> outputs,
                                                  const Batch& batch);

/// From pixels of an image of size `from` to those of one of the shape `to`.
void scale(std::span<Detection> detections, Size2 from, const ImageShape& to);

}  // namespace tessera
