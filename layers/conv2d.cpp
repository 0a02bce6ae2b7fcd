#include "layers/conv2d.h"

#include <cmath>

namespace tessera {
namespace {

Init conv_init(const Shape& weight) {
  const std::int64_t fan_in = weight[1] * weight[2] * weight[3];
  return Init::uniform(1.0f / std::sqrt(static_cast<float>(fan_in)));
}

}  // namespace

Conv2d::Conv2d(std::int64_t in_channels, std::int64_t out_channels,
               std::array<std::int64_t, 2> kernel, const ops::Conv2dConfig& config)
    : config_(config) {
  const Shape weight{out_channels, in_channels / config.groups, kernel[0], kernel[1]};
  weight_ = Parameter(weight, conv_init(weight), /*decay=*/true);
  bias_ = Parameter({out_channels}, conv_init(weight), /*decay=*/false);
}

Var Conv2d::forward(Tape& tape, const Var& x) {
  return ops::conv2d(tape, x, tape.parameter(weight_), tape.parameter(bias_), config_);
}

void Conv2d::visit(ParameterVisitor& visitor) {
  visitor("weight", weight_);
  visitor("bias", bias_);
}

}  // namespace tessera
