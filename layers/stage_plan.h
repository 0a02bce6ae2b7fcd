// What a configuration means, stage by stage, before any memory is taken: map sizes, windows,
// parameters and arithmetic. The model is built from this plan, and `inspect` prints it.
#pragma once

#include <string>
#include <vector>

#include "layers/patch/patch_embed.h"
#include "layers/patch/patch_merging.h"
#include "layers/window_plan.h"

namespace tessera {

struct StagePlan {
  Size2 map{};  ///< tokens
  std::int64_t channels = 0;
  std::int64_t num_heads = 0;
  std::int64_t depth = 0;
  WindowPlan windows{};                ///< of even blocks
  WindowPlan shifted_windows{};        ///< of odd blocks
  std::int64_t pretrained_window = 0;  ///< see ModelConfig::pretrained_window_size
  std::int64_t shifted_channels = 0;   ///< from each neighbour: see ops::token_shift
  std::int64_t macs = 0;               ///< multiply-adds an image, merging included
  std::int64_t merge_kept = 0;         ///< values that merging keeps in training, an image

  std::int64_t tokens() const { return map[0] * map[1]; }
};

struct ModelPlan {
  PatchEmbedPlan embed;
  std::int64_t head_macs = 0;
  std::vector<StagePlan> stages{};

  /// Multiply-adds of one image's forward pass. The literature calls these FLOPs; FLOPs are twice
  /// as many, and a training step takes three times a forward pass.
  std::int64_t macs() const;
};

/// Channels of each stage: embed_dim, then times channel_multiplier. A product that is no whole
/// number is 0, and so is what follows.
std::vector<std::int64_t> stage_channels(const ModelConfig& config);

/// What leads from stage `index` to the next.
MergeShape merge_shape(const ModelPlan& plan, std::size_t index);

/// Channels inside the MLP of a block with `channels` channels.
std::int64_t mlp_hidden(const ModelConfig& config, std::int64_t channels);

/// Throws ConfigError naming the key if the configuration has no meaning: a patch larger than the
/// image, heads that do not divide, lists of different length, a map that vanishes.
ModelPlan plan_model(const ModelConfig& config);

/// Bytes that one training step of `batch` images needs at its peak: parameters, gradients,
/// optimizer state (`state_copies` buffers of the parameters' size) and what the tape keeps.
std::int64_t predict_training_bytes(const ModelConfig& config, std::int64_t parameters,
                                    std::int64_t batch, std::int64_t state_copies);

}  // namespace tessera
