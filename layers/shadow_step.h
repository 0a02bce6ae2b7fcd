// The tensors of a training step, one by one, without their memory.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/ops/row_slices.h"
#include "core/ops/window_attention.h"
#include "layers/shadow_pool.h"
#include "layers/stage_plan.h"
#include "layers/training_memory.h"

namespace tessera {

/// One step of training, or an answer. Names are those of the layers.
class ShadowStep {
 public:
  using Held = ShadowPool::Held;

  ShadowStep(ShadowPool& pool, const ModelConfig& config, const TrainingLoad& load)
      : pool_(pool), config_(config), load_(load), plan_(plan_model(config)) {}

  /// Forwards, and back.
  void run();

  /// A forward pass of which nothing is recorded, by a model that keeps its weights packed.
  void answer();

  /// What products make of the weights of a model that only answers goes to `lasting`.
  void keep_packed(std::vector<Held>& lasting);

  /// The part of `load` of the model that is asked.
  static TrainingLoad of_asked(const TrainingLoad& load) {
    return {.batch = load.batch, .dtype = load.asked->dtype};
  }

 private:
  Held cast_images() {
    const std::int64_t image = config_.image_size[0] * config_.image_size[1] * config_.in_channels;
    return load_.dtype == DType::kF32 ? Held() : values(image);
  }

  /// Activations: `count` of each image.
  Held values(std::int64_t count) {
    return pool_.take(load_.batch * count * static_cast<std::int64_t>(size_of(load_.dtype)));
  }
  Held floats(std::int64_t count) { return pool_.take(4 * count); }

  static std::int64_t tokens(const StagePlan& stage) { return stage.tokens(); }

  RowSlices slices(const StagePlan& stage, std::int64_t weight) const {
    return plan_row_slices(load_.batch * stage.tokens(), weight);
  }

  /// A weight made ready to multiply.
  Held packed(const StagePlan& stage, std::int64_t weight) {
    const bool packs = load_.dtype != DType::kF32 || !slices(stage, weight).is_whole();
    return packs ? pool_.take(weight * static_cast<std::int64_t>(size_of(load_.dtype))) : Held();
  }

  /// Sums of a weight's gradient beside the gradient itself.
  Held partial(const StagePlan& stage, std::int64_t weight, std::int64_t plan_weight) {
    const int parts = slices(stage, plan_weight).parts;
    return parts > 1 ? floats((parts - 1) * weight) : Held();
  }

  ops::AttentionMemory attention(const StagePlan& stage, bool shifted) const {
    const WindowPlan& windows = shifted ? stage.shifted_windows : stage.windows;
    return ops::window_attention_memory(
        {load_.batch, stage.map[0], stage.map[1], 3 * stage.channels}, load_.dtype, biased(),
        {.num_heads = stage.num_heads, .window = windows.window});
  }

  bool biased() const { return config_.position.relative || config_.position.continuous; }

  std::int64_t bias_values(const StagePlan& stage, bool shifted) const {
    const std::int64_t n = (shifted ? stage.shifted_windows : stage.windows).tokens();
    return biased() ? stage.num_heads * n * n : 0;
  }

  void keep(Held held) { saved_.push_back(std::move(held)); }

  void answer(const StagePlan& stage, bool shifted);
  void pass(const StagePlan& stage, bool shifted);
  void turn_back(const StagePlan& stage, bool shifted);
  void forward(const StagePlan& stage, bool shifted);
  void backward(const StagePlan& stage, bool shifted);
  void mlp_backward(const StagePlan& stage);

  ShadowPool& pool_;
  const ModelConfig& config_;
  const TrainingLoad load_;
  ModelPlan plan_;
  std::vector<Held> saved_;
  Held branch_, dstream_;
};

}  // namespace tessera
