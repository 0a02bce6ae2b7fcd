#include "layers/linear.h"

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

}  // namespace tessera
