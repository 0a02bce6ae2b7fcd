// From images to logits: the one interface of all networks.
#pragma once

#include <memory>
#include <vector>

#include "core/tape.h"
#include "layers/model_config.h"

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

  /// images [B, H, W, C] -> logits [B, num_classes]. `features`, if given, receives what every
  /// stage puts out, before merging and norm: [B, h, w, C] (with a class token [B, 1, 1 + h w, C]).
  /// Throws ShapeError for images of another size.
  Var forward(Tape& tape, const Var& images, std::vector<Var>* features = nullptr);

  virtual void visit(ParameterVisitor& visitor) = 0;

  const ModelConfig& config() const { return config_; }

 private:
  virtual Var classify(Tape& tape, const Var& images, std::vector<Var>* features) = 0;

  ModelConfig config_;
};

/// The network that `config.name` names.
std::unique_ptr<Classifier> make_classifier(const ModelConfig& config);

}  // namespace tessera
