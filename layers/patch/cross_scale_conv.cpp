#include "layers/patch/cross_scale_conv.h"

#include <algorithm>

#include "core/ops/concat.h"

namespace tessera {

std::vector<std::int64_t> cross_scale_channels(std::int64_t channels, std::size_t kernels) {
  std::vector<std::int64_t> parts;
  std::int64_t left = channels;
  while (parts.size() + 1 < kernels) {
    if (left % 2 != 0) return {};
    left /= 2;
    parts.push_back(left);
  }
  parts.push_back(left);
  return parts;
}

CrossScaleConv::CrossScaleConv(std::int64_t in_channels, std::int64_t out_channels,
                               const std::vector<Size2>& kernels, Size2 stride) {
  const std::vector<std::int64_t> channels = cross_scale_channels(out_channels, kernels.size());
  for (std::size_t i = 0; i < kernels.size(); ++i) {
    convs_.emplace_back(in_channels, channels.at(i), kernels[i],
                        Conv2dRule{.stride = stride, .edge = EdgeRule::kSame});
  }
}

Var CrossScaleConv::forward(Tape& tape, const Var& x) {
  std::vector<Var> parts;
  for (Conv2d& conv : convs_) parts.push_back(conv.forward(tape, x));
  return parts.size() == 1 ? parts.front() : ops::concat(tape, parts);
}

void CrossScaleConv::visit(ParameterVisitor& visitor, std::string_view name) {
  visitor(name, convs_);
}

std::int64_t CrossScaleConv::macs(Size2 size) const {
  std::int64_t macs = 0;
  for (const Conv2d& conv : convs_) macs += conv.macs(size);
  return macs;
}

}  // namespace tessera
