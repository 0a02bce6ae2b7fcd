#include "layers/layer_norm.h"

#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/norms.h"

namespace tessera {

Var residual_sum(Tape& tape, const ResidualStream& stream) {
  if (!stream.branch) return stream.x;
  if (!stream.scale) return ops::add(tape, stream.x, stream.branch);
  return ops::add_scaled(tape, stream.x, stream.branch, stream.scale);
}

LayerNorm::LayerNorm(std::int64_t channels, float epsilon, Init weight)
    : weight_({channels}, weight, /*decay=*/false),
      bias_({channels}, Init::zeros(), /*decay=*/false),
      epsilon_(epsilon) {}

Var LayerNorm::forward(Tape& tape, const Var& x) {
  return ops::layer_norm(tape, x, tape.parameter(weight_), tape.parameter(bias_), epsilon_);
}

std::array<Var, 2> LayerNorm::forward(Tape& tape, const ResidualStream& stream) {
  if (!stream.branch) return {stream.x, forward(tape, stream.x)};
  return ops::add_layer_norm(tape, stream.x, stream.branch, stream.scale, tape.parameter(weight_),
                             tape.parameter(bias_), epsilon_);
}

void LayerNorm::visit(ParameterVisitor& visitor) {
  visitor("weight", weight_);
  visitor("bias", bias_);
}

Tensor DropPath::scale(const Tape& tape, std::int64_t batch) const {
  return ops::drop_path_scale(tape, batch, rate, draw);
}

}  // namespace tessera
