// What a configuration means, stage by stage, before any memory is taken: map sizes, windows,
// parameters and arithmetic. The model is built from this plan, and `inspect` prints it.
#pragma once

#include <vector>

#include "layers/heads/head.h"
#include "layers/model_config.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

/// The windows of one block over a map of tokens.
struct WindowPlan {
  Size2 window;  ///< tokens, after the policy
  Size2 shift;   ///< tokens
  Size2 padded;  ///< the map, padded up to whole windows

  std::int64_t tokens() const { return window[0] * window[1]; }
  std::int64_t windows() const { return padded[0] / window[0] * (padded[1] / window[1]); }
};

/// How the windows of one block follow from a map: the one place that knows padding, clamping and
/// shifting.
struct WindowRule {
  Size2 window;  ///< tokens
  WindowPolicy policy;
  bool moves;      ///< by half a window, arXiv:2103.14030 section 3.2
  bool whole_map;  ///< one window, the map: ViT

  /// Of a map of any size. Where one window covers an axis it does not move along it, unless the
  /// policy is to keep that too.
  WindowPlan plan(Size2 map) const;
};

/// Odd blocks of a stage are `shifted`, unless the configuration keeps all windows in place.
WindowRule window_rule(const ModelConfig& config, bool shifted);

/// The windows of a block of the model of `config` that is built for this map.
inline WindowPlan plan_windows(const ModelConfig& config, Size2 map, bool shifted) {
  return window_rule(config, shifted).plan(map);
}

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
  std::int64_t merge_saved = 0;        ///< values that merging saves in training, an image
  std::int64_t norm_saved = 0;         ///< likewise the norm of a map that a head reads

  std::int64_t tokens() const { return map[0] * map[1]; }
};

/// Of the stages that are built: those up to the last that the head reads.
struct ModelPlan {
  PatchEmbedPlan embed;
  std::vector<StagePlan> stages{};
  HeadPlan head{};

  /// Of all stages.
  std::int64_t blocks() const;

  /// Multiply-adds of one image's forward pass. The literature calls these FLOPs; FLOPs are twice
  /// as many, and a training step takes three times a forward pass.
  std::int64_t macs() const;

  /// Those of evaluation, which leaves out what is only trained along.
  std::int64_t evaluation_macs() const { return macs() - head.auxiliary_macs; }
};

/// At `config.image_size`. Throws ConfigError, the first of model_problems, if the configuration
/// has no meaning.
ModelPlan plan_model(const ModelConfig& config);

/// The same with another head in the place of `config.head`.
ModelPlan plan_model(const ModelConfig& config, const Head& head);

/// Multiply-adds of an image of training: the mean over patch_sizes where one of them is drawn.
/// Throws as plan_model.
double training_macs(const ModelConfig& config);

}  // namespace tessera
