#include "layers/linear.h"

#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/linear.h"

namespace tessera {

Linear::Linear(std::int64_t in_features, std::int64_t out_features, bool bias)
    : weight_(Parameter::matrix({out_features, in_features}, Init::truncated_normal())),
      bias_({out_features}, Init::zeros(), /*decay=*/false),
      has_bias_(bias) {}

Var Linear::forward(Tape& tape, const Var& x) {
  return ops::linear(tape, x, tape.parameter(weight_), has_bias_ ? tape.parameter(bias_) : Var{});
}

void Linear::visit(ParameterVisitor& visitor) {
  visitor("weight", weight_);
  if (has_bias_) visitor("bias", bias_);
}

Mlp::Mlp(std::int64_t channels, std::int64_t hidden, float dropout, std::uint32_t draw)
    : fc1_(channels, hidden), fc2_(hidden, channels), dropout_(dropout), draw_(draw) {}

Var Mlp::forward(Tape& tape, const Var& x) {
  const Scope scope(tape, "mlp");
  if (dropout_ == 0.0f || !tape.training()) {
    return ops::mlp(tape, x,
                    {tape.parameter(fc1_.weight()), tape.parameter(fc1_.bias()),
                     tape.parameter(fc2_.weight()), tape.parameter(fc2_.bias())});
  }
  Var h = ops::gelu(tape, fc1_.forward(tape, x));  // [..., hidden]
  h = ops::dropout(tape, h, dropout_, draw_);
  return ops::dropout(tape, fc2_.forward(tape, h), dropout_, draw_ + 1);  // [..., C]
}

void Mlp::visit(ParameterVisitor& visitor) {
  visitor("fc1", fc1_);
  visitor("fc2", fc2_);
}

}  // namespace tessera
