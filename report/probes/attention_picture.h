// Attention maps as pictures.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "data/images/image.h"
#include "report/probes/attention_maps.h"

namespace tessera {

/// `photo`, of 3 channels and any size, in grey under the colours of `values` [h, w] from 0 to
/// their largest; with a frame around the token that pays, if it is one of the map. `map` says what
/// of the model's image, of `image_size` pixels, a token stands for; what belongs to no token stays
/// grey.
Image overlay_attention(const Image& photo, const AttentionMap& map, const Tensor& values,
                        Size2 image_size);

struct AttentionPictureOptions {
  std::vector<std::string> lines;  ///< text beside the photo
  Size2 image_size{};              ///< of the model
  bool heads = false;              ///< a picture for each head instead of their mean
};

/// The photo with text and the scale of colours, then all maps: a row a stage, or a block if heads
/// are drawn. Each picture has its own scale, whose largest value stands above it.
Image attention_picture(const Image& photo, std::span<const AttentionMap> maps,
                        const AttentionPictureOptions& options);

}  // namespace tessera
