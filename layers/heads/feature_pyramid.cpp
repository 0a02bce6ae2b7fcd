#include "layers/heads/feature_pyramid.h"

#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/resize.h"

namespace tessera {
namespace {

/// Weights from U(-sqrt(3 / fan_in), sqrt(3 / fan_in)), as torchvision's pyramid has them; that is
/// Xavier's where both widths are equal.
Conv2d make_pyramid_conv(std::int64_t in_channels, std::int64_t out_channels, std::int64_t side,
                         std::int64_t stride = 1) {
  const std::int64_t zeros = side / 2;
  Conv2d conv(in_channels, out_channels, {side, side},
              {.stride = {stride, stride}, .zeros = {zeros, zeros}});
  const auto fan_in = static_cast<float>(in_channels * side * side);
  conv.weight().init = Init::uniform(std::sqrt(3.0f / fan_in));
  conv.bias().init = Init::zeros();
  return conv;
}

}  // namespace

FeaturePyramid::FeaturePyramid(const std::vector<std::int64_t>& in_channels, std::int64_t channels,
                               const Extra& extra)
    : from_map_(extra.from_map) {
  for (const std::int64_t width : in_channels) {
    laterals_.push_back(make_pyramid_conv(width, channels, 1));
    smooths_.push_back(make_pyramid_conv(channels, channels, 3));
  }
  for (std::int64_t i = 0; i < extra.count; ++i) {
    const std::int64_t width = i == 0 && from_map_ ? in_channels.back() : channels;
    extras_.push_back(make_pyramid_conv(width, channels, 3, 2));
  }
}

std::vector<Var> FeaturePyramid::forward(Tape& tape, std::span<const Var> maps) {
  const std::size_t count = laterals_.size();
  std::vector<Var> levels(count);
  Var sum;
  for (std::size_t i = count; i-- > 0;) {
    const Var lateral = laterals_[i].forward(tape, maps[i]);  // [B, h_i, w_i, C]
    sum = sum ? ops::add(tape, lateral,
                         ops::resize(tape, sum, {lateral.dim(1), lateral.dim(2)},
                                     ops::ResizeMode::kNearest))
              : lateral;
    levels[i] = smooths_[i].forward(tape, sum);  // [B, h_i, w_i, C]
  }
  for (std::size_t i = 0; i < extras_.size(); ++i) {
    const Var& last = i == 0 && from_map_ ? maps[count - 1] : levels.back();
    levels.push_back(extras_[i].forward(tape, i == 0 ? last : ops::relu(tape, last)));
  }
  return levels;
}

std::vector<Size2> FeaturePyramid::sizes(std::span<const Size2> maps) const {
  std::vector<Size2> sizes(maps.begin(), maps.end());
  for (const Conv2d& extra : extras_) sizes.push_back(extra.output(sizes.back()));
  return sizes;
}

HeadPlan FeaturePyramid::plan(std::span<const Size2> maps) const {
  HeadPlan plan;
  const std::vector<Size2> all = sizes(maps);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::int64_t values = all[i][0] * all[i][1] * smooths_.front().out_channels();
    plan.saved += 2 * values;  // the sum, or what a ReLU gives, and the level
    if (i < maps.size()) {
      plan.macs += laterals_[i].macs(maps[i]) + smooths_[i].macs(maps[i]);
    } else {
      plan.macs += extras_[i - maps.size()].macs(all[i - 1]);
    }
  }
  return plan;
}

void FeaturePyramid::visit(ParameterVisitor& visitor) {
  visitor("laterals", laterals_);
  visitor("smooths", smooths_);
  visitor("extras", extras_);
}

}  // namespace tessera
