#include "layers/shadow_step.h"

#include "core/parallel.h"

namespace tessera {
namespace {

constexpr std::int64_t kGathered = 512;  // patches of a thread: see core/ops/conv2d.cpp

}  // namespace

void ShadowStep::run() {
  const Held images = cast_images();
  saved_.push_back(values(plan_.embed.saved));
  for (const StagePlan& stage : plan_.stages) {
    for (std::int64_t i = 0; i < stage.depth; ++i) pass(stage, i % 2 == 1);
    saved_.push_back(values(stage.merge_saved + stage.norm_saved));
  }
  saved_.push_back(values(plan_.head.saved));
  branch_.free();
  if (load_.asked) ShadowStep(pool_, load_.asked->config, of_asked(load_)).answer();
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

void ShadowStep::answer() {
  const Held images = cast_images();
  keep(values(plan_.embed.saved));
  for (const StagePlan& stage : plan_.stages) {
    for (std::int64_t i = 0; i < stage.depth; ++i) answer(stage, i % 2 == 1);
    const Held merged = values(stage.merge_saved + stage.norm_saved);
    branch_.free();
  }
}

/// A block that is not recorded: what it takes in lives until it has put out the same.
void ShadowStep::answer(const StagePlan& stage, bool shifted) {
  const std::int64_t map = tokens(stage) * stage.channels;
  const std::int64_t hidden = mlp_hidden(config_, stage.channels);
  const Held x = values(map), normed = values(map);
  Held attended;
  {
    const Held neighbours = stage.shifted_channels > 0 ? values(map) : Held();
    const Held qkv = values(3 * map), bias = floats(bias_values(stage, shifted));
    const Held out = values(map);
    { const Held work = pool_.take(attention(stage, shifted).forward); }
    attended = values(map);
  }
  Held sum = values(map);
  const Held normed_sum = values(map);
  Held branch = values(map);
  const RowSlices plan = slices(stage, stage.channels * hidden);
  const Held active = pool_.take(plan.parts * plan.slice * hidden *
                                 static_cast<std::int64_t>(size_of(load_.dtype)));
  saved_.clear();
  keep(std::move(sum));
  branch_ = std::move(branch);
}

void ShadowStep::keep_packed(std::vector<Held>& lasting) {
  for (const StagePlan& stage : plan_.stages) {
    const std::int64_t c = stage.channels, hidden = mlp_hidden(config_, c);
    for (std::int64_t i = 0; i < stage.depth; ++i) {
      for (const std::int64_t weight : {3 * c * c, c * c, c * hidden, c * hidden}) {
        lasting.push_back(packed(stage, weight));
      }
    }
    if (&stage == &plan_.stages.back()) break;
    lasting.push_back(packed(stage, 4 * c * (&stage + 1)->channels));
  }
}

void ShadowStep::forward(const StagePlan& stage, bool shifted) {
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
void ShadowStep::pass(const StagePlan& stage, bool shifted) {
  const std::size_t before = saved_.size();
  forward(stage, shifted);
  if (!load_.recompute) return;
  saved_.resize(before);
  keep(values(tokens(stage) * stage.channels));
  keep(std::move(branch_));
}

void ShadowStep::turn_back(const StagePlan& stage, bool shifted) {
  if (load_.recompute) {
    saved_.resize(saved_.size() - 2);
    forward(stage, shifted);
    branch_.free();
  }
  backward(stage, shifted);
}

void ShadowStep::mlp_backward(const StagePlan& stage) {
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

void ShadowStep::backward(const StagePlan& stage, bool shifted) {
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

}  // namespace tessera
