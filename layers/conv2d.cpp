#include "layers/conv2d.h"

#include <algorithm>
#include <cmath>

namespace tessera {
namespace {

Init conv_init(const Shape& weight) {
  const std::int64_t fan_in = weight[1] * weight[2] * weight[3];
  return Init::uniform(1.0f / std::sqrt(static_cast<float>(fan_in)));
}

/// Pixels behind the last one that a kernel reads.
Size2 unread(Size2 size, Size2 kernel, const ops::Conv2dConfig& config) {
  const Size2 places = conv_output(size, kernel, config);
  Size2 rest{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t read = places[axis] == 0 ? 0
                                                : (places[axis] - 1) * config.stride[axis] +
                                                      kernel[axis] - config.pad_begin[axis];
    rest[axis] = std::max<std::int64_t>(0, size[axis] - read);
  }
  return rest;
}

}  // namespace

ops::Conv2dConfig same_padding(Size2 size, Size2 kernel, Size2 stride) {
  ops::Conv2dConfig config{.stride = stride};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t places = (size[axis] + stride[axis] - 1) / stride[axis];
    config.pad_begin[axis] = (kernel[axis] - stride[axis] + 1) / 2;
    config.pad_end[axis] =
        (places - 1) * stride[axis] + kernel[axis] - config.pad_begin[axis] - size[axis];
  }
  return config;
}

Size2 conv_output(Size2 size, Size2 kernel, const ops::Conv2dConfig& config) {
  Size2 output{};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t room =
        size[axis] + config.pad_begin[axis] + config.pad_end[axis] - kernel[axis];
    output[axis] = room < 0 ? 0 : room / config.stride[axis] + 1;
  }
  return output;
}

ops::Conv2dConfig Conv2dRule::at(Size2 size, Size2 kernel) const {
  ops::Conv2dConfig config{.stride = stride, .pad_begin = zeros, .pad_end = zeros};
  if (edge == EdgeRule::kSame) config = same_padding(size, kernel, stride);
  if (edge == EdgeRule::kCover) {
    const Size2 places = conv_output(size, kernel, config), rest = unread(size, kernel, config);
    for (std::size_t axis = 0; axis < 2; ++axis) {
      if (rest[axis] == 0) continue;  // one place more reads the rest, which is less than a stride
      config.pad_end[axis] = places[axis] * stride[axis] + kernel[axis] - zeros[axis] - size[axis];
    }
  }
  config.groups = groups;
  return config;
}

Conv2d::Conv2d(std::int64_t in_channels, std::int64_t out_channels, Size2 kernel,
               const Conv2dRule& rule)
    : rule_(rule) {
  const Shape weight{out_channels, in_channels / rule.groups, kernel[0], kernel[1]};
  weight_ = Parameter::matrix(weight, conv_init(weight));
  bias_ = Parameter({out_channels}, conv_init(weight), /*decay=*/false);
}

Var Conv2d::forward(Tape& tape, const Var& x) {
  // Of anything but a map the op says what is wrong.
  const Size2 size = x.shape().rank() == 4 ? Size2{x.dim(1), x.dim(2)} : Size2{};
  const Var bias = rule_.bias ? tape.parameter(bias_) : Var{};
  return ops::conv2d(tape, x, tape.parameter(weight_), bias, rule_.at(size, kernel()));
}

std::int64_t Conv2d::macs(Size2 size) const {
  const auto [height, width] = output(size);
  return height * width * weight_.shape.numel();
}

Size2 Conv2d::unused(Size2 size) const { return unread(size, kernel(), rule_.at(size, kernel())); }

void Conv2d::visit(ParameterVisitor& visitor) {
  visitor("weight", weight_);
  if (rule_.bias) visitor("bias", bias_);
}

}  // namespace tessera
