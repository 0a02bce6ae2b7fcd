#include "layers/conv2d.h"

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

Init conv_init(const Shape& weight) {
  const std::int64_t fan_in = weight[1] * weight[2] * weight[3];
  return Init::uniform(1.0f / std::sqrt(static_cast<float>(fan_in)));
}

}  // namespace

ops::Conv2dConfig padded_conv(std::array<std::int64_t, 2> size, std::array<std::int64_t, 2> kernel,
                              std::array<std::int64_t, 2> stride) {
  ops::Conv2dConfig config{.stride = stride};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t places = (size[axis] + stride[axis] - 1) / stride[axis];
    config.pad_begin[axis] = (kernel[axis] - stride[axis] + 1) / 2;
    config.pad_end[axis] =
        (places - 1) * stride[axis] + kernel[axis] - config.pad_begin[axis] - size[axis];
  }
  return config;
}

std::array<std::int64_t, 2> conv_output(std::array<std::int64_t, 2> size,
                                        std::array<std::int64_t, 2> kernel,
                                        const ops::Conv2dConfig& config) {
  std::array<std::int64_t, 2> output{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t padded = size[axis] + config.pad_begin[axis] + config.pad_end[axis];
    output[axis] = (padded - kernel[axis]) / config.stride[axis] + 1;
  }
  return output;
}

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

std::int64_t Conv2d::macs(std::array<std::int64_t, 2> size) const {
  const auto [height, width] = output(size);
  return height * width * weight_.shape.numel();
}

std::array<std::int64_t, 2> Conv2d::unused(std::array<std::int64_t, 2> size) const {
  const auto places = output(size);
  std::array<std::int64_t, 2> rest{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t read = (places[axis] - 1) * config_.stride[axis] - config_.pad_begin[axis] +
                              weight_.shape[static_cast<int>(axis) + 2];
    rest[axis] = std::max<std::int64_t>(0, size[axis] - read);
  }
  return rest;
}

void Conv2d::visit(ParameterVisitor& visitor) {
  visitor("weight", weight_);
  visitor("bias", bias_);
}

}  // namespace tessera
