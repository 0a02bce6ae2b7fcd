#include "layers/transformer_block.h"

#include <numeric>

#include "core/ops/neighbours.h"

namespace tessera {
namespace {

// Every block has draws of its own: two of drop path; attention one and MLP two of dropout.
constexpr std::uint32_t kDraws = 4;

std::uint32_t first_draw(std::int64_t index) { return kDraws * static_cast<std::uint32_t>(index); }

// A block with its norms last starts as the identity, as the authors of Swin v2 have it.
Init norm_init(const ModelConfig& config) {
  return config.name == ModelName::kSwinV2 ? Init::zeros() : Init::ones();
}

}  // namespace

TransformerBlock::TransformerBlock(const ModelConfig& config, const StagePlan& stage, bool shifted,
                                   float drop_path, std::int64_t index)
    : post_norm_(config.name == ModelName::kSwinV2),
      shifted_channels_(stage.shifted_channels),
      norm1_(stage.channels, norm_epsilon(config), norm_init(config)),
      attn_(config, stage, shifted, first_draw(index)),
      drop_attn_{drop_path, first_draw(index)},
      norm2_(stage.channels, norm_epsilon(config), norm_init(config)),
      mlp_(stage.channels, mlp_hidden(config, stage.channels), static_cast<float>(config.dropout),
           first_draw(index) + 1),
      drop_mlp_{drop_path, first_draw(index) + 1} {
  const int depth = static_cast<int>(index) + 1;
  for_each_parameter(*this, [depth](Parameter& parameter) { parameter.depth = depth; });
}

Var TransformerBlock::attend(Tape& tape, const Var& x, ModelTrace* trace) {
  if (shifted_channels_ == 0) return attn_.forward(tape, x, trace);
  return attn_.forward(tape, ops::token_shift(tape, x, shifted_channels_), trace);
}

ResidualStream TransformerBlock::forward(Tape& tape, const ResidualStream& stream,
                                         ModelTrace* trace) {
  std::array<Var, 2> result;
  if (tape.options().recompute && trace == nullptr) {
    const std::array<Var, 2> inputs{stream.x, stream.branch};
    result = tape.recomputed<2>(
        inputs, [this, scale = stream.scale](Tape& t, const std::array<Var, 2>& in) {
          return run(t, {in[0], in[1], scale}, nullptr);
        });
  } else {
    result = run(tape, stream, trace);
  }
  return {result[0], result[1], drop_mlp_.scale(tape, stream.x.dim(0))};
}

std::array<Var, 2> TransformerBlock::run(Tape& tape, const ResidualStream& stream,
                                         ModelTrace* trace) {
  return post_norm_ ? run_post_norm(tape, stream, trace) : run_pre_norm(tape, stream, trace);
}

std::array<Var, 2> TransformerBlock::run_pre_norm(Tape& tape, const ResidualStream& stream,
                                                  ModelTrace* trace) {
  const std::int64_t batch = stream.x.dim(0);
  const auto [x, normed] = norm1_.forward(tape, stream);
  const Var attention = attend(tape, normed, trace);
  const auto [sum, normed_sum] =
      norm2_.forward(tape, {x, attention, drop_attn_.scale(tape, batch)});
  return {sum, mlp_.forward(tape, normed_sum)};
}

std::array<Var, 2> TransformerBlock::run_post_norm(Tape& tape, const ResidualStream& stream,
                                                   ModelTrace* trace) {
  const std::int64_t batch = stream.x.dim(0);
  const Var x = residual_sum(tape, stream);
  const Var attention = norm1_.forward(tape, attend(tape, x, trace));
  const Var sum = residual_sum(tape, {x, attention, drop_attn_.scale(tape, batch)});
  return {sum, norm2_.forward(tape, mlp_.forward(tape, sum))};
}

void TransformerBlock::visit(ParameterVisitor& visitor) {
  visitor("norm1", norm1_);
  visitor("attn", attn_);
  visitor("norm2", norm2_);
  visitor("mlp", mlp_);
}

std::vector<float> drop_path_rates(const ModelConfig& config) {
  const std::int64_t blocks =
      std::accumulate(config.depths.begin(), config.depths.end(), std::int64_t{0});
  std::vector<float> rates;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const double share =
        blocks > 1 ? static_cast<double>(i) / static_cast<double>(blocks - 1) : 0.0;
    rates.push_back(static_cast<float>(config.drop_path * share));
  }
  return rates;
}

}  // namespace tessera
