// A backbone and a head, together with the flat buffers of their parameters.
#pragma once

#include <memory>
#include <vector>

#include "core/parameter.h"
#include "layers/backbone.h"
#include "layers/heads/head.h"
#include "layers/window_attention.h"

namespace tessera {

class Model {
 public:
  /// Builds the network of `config`; its parameters are zero until initialised or loaded. Throws
  /// ConfigError (see plan_model).
  explicit Model(const ModelConfig& config);

  /// The same with a head of the caller's own in the place of `config.head`.
  Model(const ModelConfig& config, std::unique_ptr<Head> head);

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  /// images [B, H, W, C] of any size -> what the head puts out: logits [B, num_classes] of a linear
  /// one. `trace`, if given, receives what happened on the way. Throws ShapeError (see Backbone).
  std::vector<Var> forward(Tape& tape, const Var& images, ModelTrace* trace = nullptr);

  /// From now on patches have one of `patch_sizes`, drawn from the address of an update of
  /// training; or again the configured size. Of a model of one patch size neither changes anything.
  void draw_patch(std::uint64_t seed, std::uint64_t step);
  void rest_patch();

  /// Throws ShapeError unless images [B, H, W, C] have the size that is configured: a classifier is
  /// trained and tested at that alone, and another one is a mistake.
  void require_configured_size(const Shape& images) const;

  /// The backbone's parameters, then `head.` and the head's.
  void visit(ParameterVisitor& visitor);

  const ModelConfig& config() const { return config_; }  ///< without `position.automatic`
  Backbone& backbone() { return *backbone_; }
  Head& head() { return *head_; }

 private:
  ModelConfig config_;
  std::unique_ptr<Head> head_;
  std::unique_ptr<Backbone> backbone_;

 public:
  ParameterStore parameters;
};

}  // namespace tessera
