#include "layers/swin_stage.h"

#include "layers/patch/make_patch_layers.h"

namespace tessera {

SwinStage::SwinStage(const ModelConfig& config, const ModelPlan& plan, std::size_t index,
                     std::span<const float> drop_path, std::int64_t first_block) {
  blocks_.reserve(drop_path.size());
  for (std::size_t i = 0; i < drop_path.size(); ++i) {
    blocks_.emplace_back(config, plan.stages[index], i % 2 == 1, drop_path[i],
                         first_block + static_cast<std::int64_t>(i));
  }
  if (index + 1 == plan.stages.size()) return;
  downsample_ =
      make_patch_merging(config, {plan.stages[index].channels, plan.stages[index + 1].channels});
  const int depth = static_cast<int>(first_block) + static_cast<int>(blocks_.size());
  for_each_parameter(*downsample_, [depth](Parameter& parameter) { parameter.depth = depth; });
}

ResidualStream SwinStage::forward(Tape& tape, ResidualStream stream, ModelTrace* trace) {
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Scope scope(tape, "blocks", static_cast<std::int64_t>(i));
    stream = blocks_[i].forward(tape, stream, trace);
  }
  return stream;
}

void SwinStage::visit(ParameterVisitor& visitor) {
  visitor("blocks", blocks_);
  visitor("downsample", downsample_);
}

}  // namespace tessera
