#include "layers/heads/conv_norm.h"

#include <numeric>

#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/norms.h"

namespace tessera {
namespace {

bool keeps_statistics(HeadNorm norm) {
  return norm == HeadNorm::kBatch || norm == HeadNorm::kFrozenBatch;
}

}  // namespace

std::int64_t norm_groups(std::int64_t channels, std::int64_t groups) {
  return std::gcd(channels, groups);
}

ConvNorm::ConvNorm(std::int64_t in_channels, std::int64_t out_channels, std::int64_t side,
                   const ConvNormRule& rule)
    : conv_(in_channels, out_channels, {side, side}, {.edge = EdgeRule::kSame, .bias = rule.bias}),
      rule_(rule),
      weight_({out_channels}, Init::ones(), /*decay=*/false),
      bias_({out_channels}, Init::zeros(), /*decay=*/false) {
  if (keeps_statistics(rule.norm)) statistics_.emplace(out_channels);
}

Var ConvNorm::forward(Tape& tape, const Var& x) {
  const Var y = conv_.forward(tape, x);  // [B, H, W, out]
  const Var weight = tape.parameter(weight_);
  const Var bias = tape.parameter(bias_);
  if (statistics_) {
    return ops::batch_norm(
        tape, y, weight, bias, *statistics_,
        {.eps = kEpsilon, .frozen = rule_.norm == HeadNorm::kFrozenBatch, .relu = true});
  }
  if (rule_.norm == HeadNorm::kGroup) {
    return ops::group_norm(
        tape, y, weight, bias,
        {.groups = norm_groups(y.dim(-1), rule_.groups), .eps = kEpsilon, .relu = true});
  }
  return ops::relu(tape, ops::layer_norm(tape, y, weight, bias, kEpsilon));
}

HeadPlan ConvNorm::plan(Size2 size) const {
  // Before the norm and after it; of a layer norm also before its ReLU.
  const std::int64_t maps = rule_.norm == HeadNorm::kLayer ? 3 : 2;
  return {.macs = conv_.macs(size),
          .saved = maps * size[0] * size[1] * conv_.out_channels(),
          .largest = conv_.weight().shape.numel()};
}

void ConvNorm::visit(ParameterVisitor& visitor) {
  visitor("conv", conv_);
  visitor("norm.weight", weight_);
  visitor("norm.bias", bias_);
  if (statistics_) visitor("norm", *statistics_);
}

PixelClassifier::PixelClassifier(std::int64_t channels, std::int64_t classes, double dropout,
                                 std::uint32_t draw)
    : conv_(channels, classes, {1, 1}), dropout_(static_cast<float>(dropout)), draw_(draw) {
  conv_.weight().init = Init::truncated_normal(0.01f);
  conv_.bias().init = Init::zeros();
}

Var PixelClassifier::forward(Tape& tape, const Var& x) {
  return conv_.forward(tape, ops::channel_dropout(tape, x, dropout_, draw_));
}

HeadPlan PixelClassifier::plan(Size2 size) const {
  const std::int64_t positions = size[0] * size[1];
  const std::int64_t dropped = dropout_ > 0.0f ? conv_.weight().shape[1] : 0;
  return {.macs = conv_.macs(size), .saved = positions * (conv_.out_channels() + dropped)};
}

void PixelClassifier::visit(ParameterVisitor& visitor) { conv_.visit(visitor); }

}  // namespace tessera
