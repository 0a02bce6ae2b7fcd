// What a model is made of: the `model:` part of a configuration.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace tessera {

/// Height and width, of an image, a patch, a map or a window.
using Size2 = std::array<std::int64_t, 2>;

/// How a map is treated that the window does not divide. Zeros are appended at the right and
/// bottom.
enum class WindowPadding : std::uint8_t {
  kMasked,       ///< padded tokens take no part in attention
  kTorchvision,  ///< padded tokens take part, as in torchvision, timm and the official code
};

/// What happens when a window is larger than the map it works on.
enum class WindowPolicy : std::uint8_t {
  kClamp,  ///< it shrinks to the map, and is not shifted (timm, official)
  kPad,    ///< the map is padded up to it (torchvision)
};

enum class PatchEmbedType : std::uint8_t { kLinear };

struct PatchEmbedConfig {
  PatchEmbedType type = PatchEmbedType::kLinear;
  bool norm = true;  ///< layer norm after the projection
};

struct PositionConfig {
  bool relative = true;  ///< learned bias per head and offset within a window
};

/// Swin v1, arXiv:2103.14030. One entry of `depths` and `num_heads` a stage.
struct ModelConfig {
  Size2 image_size{224, 224};  ///< pixels
  std::int64_t in_channels = 3;
  std::int64_t num_classes = 1000;
  Size2 patch_size{4, 4};  ///< pixels
  PatchEmbedConfig patch_embed;
  std::int64_t embed_dim = 96;  ///< channels of the first stage; each further stage doubles them
  std::vector<std::int64_t> depths{2, 2, 6, 2};
  std::vector<std::int64_t> num_heads{3, 6, 12, 24};
  Size2 window_size{7, 7};  ///< tokens
  double mlp_ratio = 4.0;
  bool qkv_bias = true;
  double drop_path = 0.1;  ///< of the last block; rises linearly over depth from 0
  double dropout = 0.0;    ///< after the attention projection, in the MLP and after the embedding
  PositionConfig position;
  WindowPadding padding = WindowPadding::kMasked;
  WindowPolicy window_policy = WindowPolicy::kClamp;
};

}  // namespace tessera
