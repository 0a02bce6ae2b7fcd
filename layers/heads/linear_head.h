// The head of classification.
#pragma once

#include "layers/heads/head.h"
#include "layers/linear.h"
#include "layers/model_problems.h"

namespace tessera {

/// The mean over the last normed map, or its class token, and a linear map to logits:
/// arXiv:2103.14030 section 3.1, arXiv:2010.11929 section 3.1.
class LinearHead final : public Head {
 public:
  explicit LinearHead(const ModelConfig& config);

  static std::vector<ConfigProblem> problems(const ModelConfig& config);

  StageOutputs reads() const override;
  HeadPlan plan(std::span<const MapShape> maps, Size2 image) const override;

  /// -> {logits [B, num_classes]}
  std::vector<Var> forward(Tape& tape, std::span<const StageMap> maps, Size2 image) override;
  void visit(ParameterVisitor& visitor) override;

 private:
  std::size_t stage_;
  Pooling pool_;
  Linear linear_;
};

}  // namespace tessera
