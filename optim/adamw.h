// Adam with decoupled weight decay.
#pragma once

#include <array>

#include "optim/optimizer.h"
#include "optim/update_runs.h"

namespace tessera {

/// AdamW (arXiv:1711.05101, algorithm 2 without amsgrad), as PyTorch computes it. In step t >= 1:
///   p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
///   p -= lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps)
class AdamW final : public Optimizer {
 public:
  static constexpr std::int64_t kBuffers = 2;  ///< see state_buffers

  AdamW(const OptimConfig& config, const ParameterStore& store)
      : AdamW(config, store, update_runs(store, config.layer_decay)) {}

  /// Of all elements, those of `runs` that are not frozen are updated.
  AdamW(const OptimConfig& config, const ParameterStore& store, std::vector<UpdateRun> runs);

  void step(double lr, float grad_scale) override;
  bool update_only(std::span<const ElementRange> parts) override;

  /// `exp_avg` and `exp_avg_sq` f32 [padded_size], `step` i32 [1].
  StateTensors state() const override;

  /// The m of all elements: another optimizer's to use where this one updates none.
  const Tensor& mean() const { return mean_; }

 private:
  std::array<double, 2> betas_;
  double eps_;
  double weight_decay_;
  Tensor values_;
  Tensor grads_;
  std::vector<UpdateRun> runs_;
  Tensor mean_;
  Tensor square_;
  Tensor steps_;  // done so far
};

}  // namespace tessera
