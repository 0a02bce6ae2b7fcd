// From images to logits: the one interface of all networks.
#pragma once

#include <memory>

#include "core/tape.h"
#include "layers/model_config.h"
#include "layers/model_trace.h"
#include "layers/patch/patch_embed.h"

namespace tessera {

/// Lane of the dropout after the embedding; the blocks' lanes count up from 0.
inline constexpr std::uint32_t kEmbedLane = 0xffffu;

class Classifier {
 public:
  /// Throws ConfigError if the configuration has no meaning (see plan_model).
  explicit Classifier(const ModelConfig& config);
  virtual ~Classifier() = default;
  Classifier(const Classifier&) = delete;
  Classifier& operator=(const Classifier&) = delete;

  /// images [B, H, W, C] -> logits [B, num_classes]. `trace`, if given, receives what happened on
  /// the way. Throws ShapeError for images of another size.
  Var forward(Tape& tape, const Var& images, ModelTrace* trace = nullptr);

  virtual void visit(ParameterVisitor& visitor) = 0;

  /// The first layer, for those who look at it alone.
  virtual PatchEmbed& patch_embed() = 0;

  const ModelConfig& config() const { return config_; }

 private:
  virtual Var classify(Tape& tape, const Var& images, ModelTrace* trace) = 0;

  ModelConfig config_;
};

/// The network that `config.name` names.
std::unique_ptr<Classifier> make_classifier(const ModelConfig& config);

}  // namespace tessera
