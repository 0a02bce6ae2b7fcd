// What a training step works on.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "data/sample.h"

namespace tessera {

struct Batch {
  Tensor images;           ///< [B, H, W, C] f32
  Tensor labels;           ///< [B] i32; of data sets with a class an image
  Tensor other_labels{};   ///< [B] i32: of what was mixed in; empty if nothing was
  float own_share = 1.0f;  ///< of `labels` in the target; the rest is of `other_labels`
  std::int64_t index = 0;  ///< within the epoch

  Tensor masks{};                            ///< [B, H, W] i32; kIgnored beyond an image
  std::vector<std::vector<Box>> boxes{};     ///< in pixels of `images`, a list an image
  std::vector<std::int64_t> samples{};       ///< which of the data set's the images are
  std::vector<ImageShape> sizes{};           ///< of the images within the padding at their right
                                             ///< and bottom; empty: all fill the batch
  std::vector<ImageShape> original_sizes{};  ///< before they were scaled; of masks and boxes alone
  std::vector<Target> originals{};           ///< before they were scaled; empty: not asked for
  std::vector<std::int64_t> ids{};           ///< with originals: what annotations call the images

  std::vector<std::int64_t> places{};  ///< of the images in a batch that several processes share;
                                       ///< empty: all of it is here
  std::int64_t whole = 0;              ///< images of that batch

  std::int64_t size() const { return images ? images.dim(0) : 0; }
};

}  // namespace tessera
