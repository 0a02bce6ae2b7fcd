// What a model is made of: the `model:` part of a configuration.
#pragma once

#include <cstdint>
#include <vector>

#include "core/shape.h"
#include "layers/heads/head_config.h"
#include "layers/patch/patch_config.h"

namespace tessera {

/// How a map is treated that the window does not divide. Zeros are appended at the right and
/// bottom.
enum class WindowPadding : std::uint8_t {
  kMasked,       ///< padded tokens take no part in attention
  kTorchvision,  ///< padded tokens take part, as in torchvision
  kTimm,         ///< likewise, but a shifted map is rolled before it is padded, as in timm
};

/// What happens when a window is larger than the map it works on.
enum class WindowPolicy : std::uint8_t {
  kClamp,  ///< it shrinks to the map, and is not shifted (timm, official)
  kPad,    ///< the map is padded up to it, and it is not shifted (torchvision)
  kKeep,   ///< the map is padded up to it, and it is shifted all the same: what the cyclic shift
           ///< brings together is masked (mmsegmentation, the official detectors, Hugging Face's
           ///< backbones)
};

enum class ModelName : std::uint8_t {
  kSwin,    ///< arXiv:2103.14030
  kSwinV2,  ///< arXiv:2111.09883: norm after each branch, cosine attention
  kViT,     ///< arXiv:2010.11929: one stage, every token attends to every other
};

/// What of the last map the head sees.
enum class Pooling : std::uint8_t {
  kMean,   ///< the mean over all tokens
  kToken,  ///< a learned token that goes through all blocks with the others (ViT only)
};

/// How tokens know where they are. At most one of the first two and one of the others.
struct PositionConfig {
  bool relative = true;     ///< learned bias per head and offset within a window, arXiv:2103.14030
  bool continuous = false;  ///< the same bias computed by a small network, arXiv:2111.09883
  bool absolute = false;    ///< learned vector per token, added to the embedding
  bool sincos = false;      ///< fixed sines and cosines of both axes, added to the embedding
  bool automatic = false;   ///< also what the model's paper has; see resolve_position
};

/// One entry of `depths` and `num_heads` a stage.
struct ModelConfig {
  ModelName name = ModelName::kSwin;
  Size2 image_size{224, 224};  ///< pixels
  std::int64_t in_channels = 3;
  std::int64_t num_classes = 1000;
  Size2 patch_size{4, 4};  ///< pixels
  /// Of which one is drawn for each update: see FlexiblePatchEmbed. Empty: patch_size alone.
  std::vector<std::int64_t> patch_sizes{};
  PatchEmbedConfig patch_embed;
  std::int64_t embed_dim = 96;  ///< channels of the first stage
  /// Channels of a stage by those of the one before it: one number for all, or one a merging.
  std::vector<double> channel_multiplier{2.0};
  PatchMergingConfig patch_merging{};
  /// Share of the channels that come from the four neighbours of a token before it attends: one
  /// number for all stages, or one a stage.
  std::vector<double> token_shift{0.0};
  std::vector<std::int64_t> depths{2, 2, 6, 2};
  std::vector<std::int64_t> num_heads{3, 6, 12, 24};
  Size2 window_size{7, 7};  ///< tokens; ViT's is the whole map
  bool window_shift =
      true;  ///< odd blocks move their windows by half, so that they exchange tokens
  /// Window of each stage, in tokens, with which a continuous position bias was trained before;
  /// empty, or 0 for a stage: the window it has now.
  std::vector<std::int64_t> pretrained_window_size;
  double mlp_ratio = 4.0;
  bool qkv_bias = true;
  double init_std = 0.02;  ///< of the truncated normal that weights start from; 0.02 in the papers
  double drop_path = 0.1;  ///< of the last block; rises linearly over depth from 0
  double dropout = 0.0;    ///< after the attention projection, in the MLP and after the embedding
  PositionConfig position;
  double norm_epsilon = 0.0;        ///< 0: see norm_epsilon(config)
  double patch_norm_epsilon = 0.0;  ///< 0: see patch_norm_epsilon(config)
  Pooling pool = Pooling::kMean;
  HeadConfig head{};
  WindowPadding padding = WindowPadding::kMasked;
  WindowPolicy window_policy = WindowPolicy::kClamp;
};

/// What the layer norms of blocks and the last one add to the variance: if nothing else is given
/// 1e-6 in ViT, 1e-5 in Swin, as their authors' code has it.
float norm_epsilon(const ModelConfig& config);

/// The same of patch embeddings, of mergings and of the norms of several stages: 1e-5 in Swin,
/// whatever the blocks have, as in Hugging Face's code; the blocks' in ViT.
float patch_norm_epsilon(const ModelConfig& config);

/// Channels of each stage: embed_dim, then times channel_multiplier. A product that is no whole
/// number is 0, and so is what follows.
std::vector<std::int64_t> stage_channels(const ModelConfig& config);

/// The largest of patch_sizes: the size at which their kernel is learned.
std::int64_t largest_patch(const ModelConfig& config);

/// The same model at its smallest patch: its map and windows are those that tables of positions are
/// made for. Without patch_sizes `config` itself.
ModelConfig finest(ModelConfig config);

/// Channels inside the MLP of a block with `channels` channels.
std::int64_t mlp_hidden(const ModelConfig& config, std::int64_t channels);

/// An entry of a list that holds one number for all, or one each.
double entry_of(const std::vector<double>& list, std::size_t index);

/// Puts the position of the model's paper in the place of `position.automatic`: relative for Swin,
/// continuous for its second version, absolute for ViT.
void resolve_position(ModelConfig& config);

/// Puts the rule in the place of PatchEdge::kAuto.
void resolve_patch_edge(ModelConfig& config);

}  // namespace tessera
