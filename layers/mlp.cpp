#include "layers/mlp.h"

#include "core/ops/dropout.h"
#include "core/ops/gelu.h"
#include "core/ops/mlp.h"

namespace tessera {

Mlp::Mlp(std::int64_t channels, std::int64_t hidden, float dropout, std::uint32_t lane)
    : fc1_(channels, hidden), fc2_(hidden, channels), dropout_(dropout), lane_(lane) {}

Var Mlp::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "mlp");
  if (dropout_ == 0.0f || !tape.training()) {
    return ops::mlp(tape, x,
                    {tape.parameter(fc1_.weight()), tape.parameter(fc1_.bias()),
                     tape.parameter(fc2_.weight()), tape.parameter(fc2_.bias())});
  }
  Var h = ops::gelu(tape, fc1_.forward(tape, x));  // [..., hidden]
  h = ops::dropout(tape, h, dropout_, lane_);
  return ops::dropout(tape, fc2_.forward(tape, h), dropout_, lane_ + 1);  // [..., C]
}

void Mlp::visit(ParameterVisitor& visitor) {
  visitor("fc1", fc1_);
  visitor("fc2", fc2_);
}

}  // namespace tessera
