#include "layers/training_memory.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/ops/row_slices.h"
#include "core/ops/window_attention.h"
#include "layers/shadow_pool.h"
#include "layers/stage_plan.h"

namespace tessera {
namespace {

constexpr std::int64_t kFloat = 4;
constexpr std::int64_t kGathered = 512;  // patches of a thread: see core/ops/conv2d.cpp

using Held = ShadowPool::Held;

/// One step of training. Names are those of the layers.
class Step {
 public:
  Step(ShadowPool& pool, const ModelConfig& config, const TrainingLoad& load)
      : pool_(pool), config_(config), load_(load), plan_(plan_model(finest(config))) {}

  void run() {
    const std::int64_t image = config_.image_size[0] * config_.image_size[1] * config_.in_channels;
    const Held images = load_.dtype == DType::kF32 ? Held() : values(image);
    saved_.push_back(values(plan_.embed.saved));
    for (const StagePlan& stage : plan_.stages) {
      for (std::int64_t i = 0; i < stage.depth; ++i) pass(stage, i % 2 == 1);
      saved_.push_back(values(stage.merge_saved + stage.norm_saved));
    }
    saved_.push_back(values(plan_.head.saved));
    branch_.free();
    { const Held copies[] = {floats(plan_.head.largest), floats(plan_.head.largest)}; }
    dstream_ = values(tokens(plan_.stages.back()) * plan_.stages.back().channels);
    saved_.pop_back();
    for (std::size_t s = plan_.stages.size(); s-- > 0;) {
      const StagePlan& stage = plan_.stages[s];
      {
        const Held dmerged = values(stage.merge_saved + stage.norm_saved);
        dstream_ = values(tokens(stage) * stage.channels);
      }
      saved_.pop_back();
      for (std::int64_t i = stage.depth; i-- > 0;) turn_back(stage, i % 2 == 1);
    }
    const Held dembed = values(plan_.embed.saved / 2);  // what is saved goes as they come
    const Held patches = pool_.take(num_threads() * kGathered * plan_.embed.widest *
                                    static_cast<std::int64_t>(size_of(load_.dtype)));
  }

 private:
  /// Activations: `count` of each image.
  Held values(std::int64_t count) {
    return pool_.take(load_.batch * count * static_cast<std::int64_t>(size_of(load_.dtype)));
  }
  Held floats(std::int64_t count) { return pool_.take(kFloat * count); }

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

  void pass(const StagePlan& stage, bool shifted);
  void turn_back(const StagePlan& stage, bool shifted);
  void forward(const StagePlan& stage, bool shifted);
  void backward(const StagePlan& stage, bool shifted);
  void mlp_backward(const StagePlan& stage);

  ShadowPool& pool_;
  const ModelConfig& config_;
  const TrainingLoad& load_;
  ModelPlan plan_;
  std::vector<Held> saved_;
  Held branch_, dstream_;
};

void Step::forward(const StagePlan& stage, bool shifted) {
  const std::int64_t t = tokens(stage), c = stage.channels, hidden = mlp_hidden(config_, c);
  keep(values(t * c));                // the sum
  keep(values(t * c));                // behind norm1
  keep(floats(2 * load_.batch * t));  // of norm1
  branch_.free();
  if (stage.shifted_channels > 0) keep(values(t * c));
  {
    const Held weight = packed(stage, 3 * c * c);
    keep(values(3 * t * c));  // qkv
  }
  const ops::AttentionMemory memory = attention(stage, shifted);
  {
    const Held bias = floats(bias_values(stage, shifted));
    keep(pool_.take(memory.saved));
    keep(values(t * c));
    const Held work = pool_.take(memory.forward);
  }
  {
    const Held weight = packed(stage, c * c);
    branch_ = values(t * c);
    if (config_.dropout > 0.0) branch_ = values(t * c);
  }
  keep(values(t * c));
  keep(values(t * c));
  keep(floats(2 * load_.batch * t));  // of norm2
  branch_.free();
  keep(values(t * hidden));
  const RowSlices plan = slices(stage, c * hidden);
  const Held w1 = packed(stage, c * hidden), w2 = packed(stage, c * hidden);
  if (config_.dropout > 0.0) {
    const Held active = values(t * hidden);
    keep(values(t * hidden));
    branch_ = values(t * c);
  } else {
    const Held active = pool_.take(plan.parts * plan.slice * hidden *
                                   static_cast<std::int64_t>(size_of(load_.dtype)));
    branch_ = values(t * c);
  }
}

/// A block, of which everything is kept, or what the next one takes.
void Step::pass(const StagePlan& stage, bool shifted) {
  const std::size_t before = saved_.size();
  forward(stage, shifted);
  if (!load_.recompute) return;
  saved_.resize(before);
  keep(values(tokens(stage) * stage.channels));
  keep(std::move(branch_));
}

void Step::turn_back(const StagePlan& stage, bool shifted) {
  if (load_.recompute) {
    saved_.resize(saved_.size() - 2);
    forward(stage, shifted);
    branch_.free();
  }
  backward(stage, shifted);
}

void Step::mlp_backward(const StagePlan& stage) {
  const std::int64_t t = tokens(stage), c = stage.channels, hidden = mlp_hidden(config_, c);
  const Held dbranch = values(t * c);
  const Held d1 = partial(stage, c * hidden, c * hidden),
             d2 = partial(stage, c * hidden, c * hidden);
  if (config_.dropout > 0.0) {
    const Held w2 = packed(stage, c * hidden), dactive = values(t * hidden);
    saved_.pop_back();
    const Held dhidden = values(t * hidden);
    const Held w1 = packed(stage, c * hidden);
    dstream_ = values(t * c);
    saved_.pop_back();
    return;
  }
  const RowSlices plan = slices(stage, c * hidden);
  const std::int64_t slice =
      plan.parts * plan.slice * hidden * static_cast<std::int64_t>(size_of(load_.dtype));
  const Held active = pool_.take(slice), gradients = pool_.take(slice);
  const Held w2 = packed(stage, c * hidden), w1 = packed(stage, c * hidden);
  const Held dnormed = values(t * c);
  saved_.pop_back();
}

void Step::backward(const StagePlan& stage, bool shifted) {
  const std::int64_t t = tokens(stage), c = stage.channels;
  const auto drop = [&](std::size_t count) { saved_.resize(saved_.size() - count); };
  mlp_backward(stage);
  {
    const Held dsum = values(t * c);  // norm2
    drop(3);
  }
  Held dout = values(t * c);
  {
    const Held dbranch = values(t * c);
    const Held sums = partial(stage, c * c, c * c), weight = packed(stage, c * c);
  }
  const ops::AttentionMemory memory = attention(stage, shifted);
  Held dqkv = values(3 * t * c);
  {
    const Held work = pool_.take(memory.backward), sums = pool_.take(memory.sums);
    const Held dbias = floats(bias_values(stage, shifted));
    drop(3);  // out, tiles, qkv
    dout.free();
  }
  {
    const Held sums = partial(stage, 3 * c * c, 3 * c * c), weight = packed(stage, 3 * c * c);
    const Held dnormed = values(t * c);
    dqkv.free();
    const Held dsum = values(t * c);
    drop(3 + (stage.shifted_channels > 0 ? 1 : 0));
  }
}

/// What orthogonal updates work in: Muon takes a matrix a thread.
void orthogonalize(ShadowPool& pool, const ModelConfig& config, DType dtype) {
  std::set<std::pair<std::int64_t, std::int64_t>> shapes;
  const ModelPlan plan = plan_model(finest(config));
  for (const StagePlan& stage : plan.stages) {
    const std::int64_t c = stage.channels, hidden = mlp_hidden(config, c);
    shapes.insert({{3 * c, c}, {c, c}, {hidden, c}});
    if (&stage != &plan.stages.back()) shapes.insert({(&stage + 1)->channels, 4 * c});
  }
  for (const auto& [rows, columns] : shapes) {
    const std::int64_t size = rows * columns, side = std::min(rows, columns);
    const std::int64_t element = static_cast<std::int64_t>(size_of(dtype));
    std::vector<Held> work;
    for (int thread = 0; thread < num_threads(); ++thread) {
      for (const std::int64_t bytes : {kFloat * size, kFloat * size, element * size, element * size,
                                       kFloat * side * side, kFloat * side * side}) {
        work.push_back(pool.take(bytes));
      }
    }
  }
}

}  // namespace

std::int64_t predict_training_bytes(const ModelConfig& config, const TrainingLoad& load) {
  constexpr std::size_t kProgram = 26'000'000;  // with its libraries and small blocks; measured
  ShadowPool pool;
  std::vector<Held> lasting;
  for (std::int64_t i = 0; i < 2 + load.state_copies; ++i) {
    lasting.push_back(pool.take(kFloat * load.parameters));
  }
  const std::int64_t image = config.image_size[0] * config.image_size[1] * config.in_channels;
  for (std::int64_t i = 0; i < load.batches; ++i) {
    lasting.push_back(pool.take(kFloat * load.batch * image));
  }
  for (int step = 0; step < 2; ++step) {
    Step(pool, config, load).run();
    if (load.orthogonalizes) orthogonalize(pool, config, load.dtype);
  }
  return static_cast<std::int64_t>(pool.reserved() + kProgram);
}

}  // namespace tessera
