#include "layers/backbone.h"

#include <fmt/format.h>

#include <algorithm>

namespace tessera {

StageNorms::StageNorms(const ModelConfig& config, const StageOutputs& outputs,
                       const std::vector<std::int64_t>& channels, int depth)
    : outputs_(outputs) {
  if (!outputs.norm_each) outputs_.stages = {outputs.stages.back()};
  for (const std::size_t stage : outputs_.stages) {
    norms_.emplace_back(channels.at(stage),
                        outputs.norm_each ? patch_norm_epsilon(config) : norm_epsilon(config));
    for_each_parameter(norms_.back(), [&](Parameter& parameter) { parameter.depth = depth; });
  }
}

StageMap StageNorms::forward(Tape& tape, std::size_t index, const ResidualStream& stream) {
  const auto found = std::find(outputs_.stages.begin(), outputs_.stages.end(), index);
  if (found == outputs_.stages.end()) return {residual_sum(tape, stream), {}};
  const auto at = static_cast<std::size_t>(found - outputs_.stages.begin());
  const auto [map, normed] = norms_[at].forward(tape, stream);  // each [B, h, w, C]
  return {map, normed};
}

void StageNorms::visit(ParameterVisitor& visitor) {
  for (std::size_t i = 0; i < norms_.size(); ++i) {
    visitor(outputs_.norm_each ? fmt::format("norm{}", outputs_.stages[i]) : "norm", norms_[i]);
  }
}

}  // namespace tessera
