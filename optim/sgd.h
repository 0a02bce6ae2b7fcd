// Stochastic gradient descent with momentum.
#pragma once

#include "optim/optimizer.h"
#include "optim/update_runs.h"

namespace tessera {

/// SGD as PyTorch computes it (dampening 0); Nesterov after Sutskever et al. 2013. With b = 0
/// before the first step:
///   d = g + wd p;  b = mu b + d;  p -= lr b, or with Nesterov p -= lr (d + mu b)
class Sgd final : public Optimizer {
 public:
  static constexpr std::int64_t kBuffers = 1;  ///< see state_buffers

  Sgd(const OptimConfig& config, const ParameterStore& store);

  void step(double lr, float grad_scale) override;
  bool update_only(std::span<const ElementRange> parts) override;

  /// `momentum` f32 [padded_size].
  StateTensors state() const override;

 private:
  double momentum_;
  bool nesterov_;
  double weight_decay_;
  Tensor values_;
  Tensor grads_;
  std::vector<UpdateRun> runs_;
  Tensor buffer_;
};

}  // namespace tessera
