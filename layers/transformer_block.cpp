#include "layers/swin_block.h"

#include <cmath>

namespace tessera {
namespace {

// Every block draws from lanes of its own: two of drop path; attention one and MLP two of dropout.
constexpr std::uint32_t kLanes = 4;

}  // namespace

SwinBlock::SwinBlock(const ModelConfig& config, std::int64_t channels, std::int64_t num_heads,
                     Size2 map, bool shifted, float drop_path, std::int64_t index)
    : norm1_(channels),
      attn_(config, channels, num_heads, plan_windows(config, map, shifted),
            kLanes * static_cast<std::uint32_t>(index)),
      drop_attn_{drop_path, kLanes * static_cast<std::uint32_t>(index)},
      norm2_(channels),
      mlp_(channels, mlp_hidden(config, channels), static_cast<float>(config.dropout),
           kLanes * static_cast<std::uint32_t>(index) + 1),
      drop_mlp_{drop_path, kLanes * static_cast<std::uint32_t>(index) + 1} {}

ResidualStream SwinBlock::forward(Tape& tape, const ResidualStream& stream) {
  const std::int64_t batch = stream.x.dim(0);
  const auto [x, normed] = norm1_.forward(tape, stream);
  const Var attention = attn_.forward(tape, normed);
  const auto [sum, normed_sum] =
      norm2_.forward(tape, {x, attention, drop_attn_.scale(tape, batch)});
  return {sum, mlp_.forward(tape, normed_sum), drop_mlp_.scale(tape, batch)};
}

void SwinBlock::visit(ParameterVisitor& visitor) {
  visitor("norm1", norm1_);
  visitor("attn", attn_);
  visitor("norm2", norm2_);
  visitor("mlp", mlp_);
}

}  // namespace tessera
