// Ops that dense prediction adds: maps of another size, norms over maps, losses over places.
#include <memory>

#include "core/ops/cross_entropy.h"
#include "core/ops/detection_losses.h"
#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "core/ops/norms.h"
#include "core/ops/resize.h"
#include "tests/support/op_table/cases.h"

namespace tessera::test {
namespace {

using Vars = std::span<const Var>;
using Size = std::array<std::int64_t, 2>;

OpCase resized(const Shape& x, Size size, ops::ResizeMode mode) {
  constexpr std::array kNames = {"bilinear", "corners", "bicubic", "smooth", "nearest"};
  return {
      .name = "resize",
      .inputs = {{x}},
      .op = [=](Tape& t, Vars v) { return ops::resize(t, v[0], size, mode); },
      .activations = 1,
      .variant = fmt::format("{},{}x{}", kNames[static_cast<std::size_t>(mode)], size[0], size[1]),
      .bf16_tolerance = 1e-2};
}

OpTable resizing() {
  using enum ops::ResizeMode;
  OpTable table;
  for (const ops::ResizeMode mode :
       {kBilinear, kBilinearCorners, kBicubic, kBicubicSmooth, kNearest}) {
    table.small.push_back(resized({2, 3, 5, 3}, {7, 11}, mode));
    table.small.push_back(resized({1, 9, 8, 17}, {4, 5}, mode));
    table.small.push_back(resized({3, 1, 1, 16}, {3, 2}, mode));
    table.small.push_back(resized({2, 33, 31, 33}, {40, 37}, mode));  // in parts
  }
  table.large = {resized({2, 90, 120, 11}, {360, 480}, kBilinear),  // logits to image size
                 resized({2, 12, 15, 128}, {90, 120}, kBilinear),
                 resized({2, 45, 60, 128}, {90, 120}, kBilinear),
                 resized({2, 20, 20, 256}, {40, 40}, kNearest)};
  return table;
}

OpCase pooled(const Shape& x, Size grid) {
  return {.name = "adaptive_pool",
          .inputs = {{x}},
          .op = [=](Tape& t, Vars v) { return ops::adaptive_pool(t, v[0], grid); },
          .activations = 1,
          .variant = fmt::format("{}x{}", grid[0], grid[1])};
}

OpTable pooling() {
  return {{pooled({2, 7, 5, 3}, {3, 2}), pooled({1, 2, 3, 17}, {6, 6}),
           pooled({3, 5, 4, 8}, {1, 1}), pooled({4, 40, 41, 33}, {6, 6})},
          {pooled({8, 15, 20, 384}, {1, 1}), pooled({8, 15, 20, 384}, {6, 6})}};
}

// With ReLU, results stay away from its kink: beta outweighs gamma.
std::vector<OpInput> norm_inputs(const Shape& x, bool relu) {
  const OpInput gamma{{x[-1]}, relu ? 0.3f : 1.0f};
  return {{x, 1.0f, 0.5f}, gamma, {{x[-1]}, 1.0f, 0.0f, relu ? 3.0f : 0.0f}};
}

// Running statistics of its own, which no result of a batch depends on.
OpCase batch_normed(const Shape& x, bool frozen, bool relu) {
  struct Layer {
    ops::BatchStatistics running;
    ParameterStore store{running};
    explicit Layer(std::int64_t channels) : running(channels) {}
  };
  const auto layer = std::make_shared<Layer>(x[-1]);
  const ops::BatchNormConfig config{.frozen = frozen, .relu = relu};
  return {
      .name = "batch_norm",
      .inputs = norm_inputs(x, relu),
      .op = [=](Tape& t,
                Vars v) { return ops::batch_norm(t, v[0], v[1], v[2], layer->running, config); },
      .activations = 1,
      .variant = fmt::format("{}{}", frozen ? "frozen" : "batch", relu ? ",relu" : "")};
}

OpCase group_normed(const Shape& x, std::int64_t groups, bool relu) {
  return {.name = "group_norm",
          .inputs = norm_inputs(x, relu),
          .op =
              [=](Tape& t, Vars v) {
                return ops::group_norm(t, v[0], v[1], v[2], {.groups = groups, .relu = relu});
              },
          .activations = 1,
          .variant = fmt::format("{}{}", groups, relu ? ",relu" : "")};
}

OpTable channel_norms() {
  OpTable table;
  for (const bool frozen : {false, true}) {
    for (const Shape& x : {Shape{5, 3}, Shape{2, 3, 4, 17}, Shape{3, 60, 41, 33}}) {
      table.small.push_back(batch_normed(x, frozen, false));
    }
    table.small.push_back(batch_normed({3, 4, 5, 6}, frozen, true));
  }
  table.small.push_back(group_normed({2, 3, 4, 18}, 3, false));
  table.small.push_back(group_normed({3, 5, 1, 4}, 1, false));
  table.small.push_back(group_normed({2, 60, 61, 32}, 8, false));
  table.small.push_back(group_normed({2, 3, 4, 18}, 9, true));
  table.large = {batch_normed({8, 90, 120, 128}, false, true),
                 batch_normed({8, 90, 120, 128}, true, true),
                 group_normed({8, 90, 120, 128}, 32, true)};
  return table;
}

OpCase map_dropout(const Shape& x) {
  return {.name = "channel_dropout", .inputs = {{x}}, .op = [](Tape& t, Vars v) {
            return ops::channel_dropout(t, v[0], 0.3f, 2);
          }};
}

OpCase distances(const Shape& x, float unit) {
  return {.name = "scaled_relu",
          .inputs = {{.shape = x, .gap = 0.1f}, {.shape = {1}, .shift = 2.0f}},
          .op = [=](Tape& t, Vars v) { return ops::scaled_relu(t, v[0], v[1], unit); },
          .activations = 1,
          .variant = fmt::format("{}", unit)};
}

/// i32 in [lowest, classes).
Tensor some_labels(const Shape& shape, std::int64_t classes, std::int32_t lowest) {
  Tensor labels = Tensor::empty(shape, DType::kI32);
  Rng rng(8, Stream::kSynthetic, 0, 0);
  for (std::int32_t& label : labels.span<std::int32_t>()) {
    label =
        lowest + static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(classes - lowest)));
  }
  return labels;
}

OpCase pixel_loss(const Shape& logits, bool weighted) {
  ops::PixelLossConfig config{.ignored = -1};
  if (weighted) config.weights = Tensor::full({logits[3]}, 0.5f);
  if (weighted) config.weights.f32()[0] = 3.0f;
  const Tensor labels = some_labels({logits[0], logits[1], logits[2]}, logits[3], -1);
  return {.name = "pixel_cross_entropy",
          .inputs = {{logits, 2.0f}},
          .op = [=](Tape& t, Vars v) { return ops::pixel_cross_entropy(t, v[0], labels, config); },
          .activations = 1,
          .variant = weighted ? "weighted" : "plain"};
}

OpCase sigmoid_focal_case(const Shape& logits) {
  const Tensor labels = some_labels({logits.rows()}, logits[-1], -3);
  const double divisor = 0.1 * static_cast<double>(logits.numel());
  return {.name = "sigmoid_focal_loss", .inputs = {{logits, 2.0f}}, .op = [=](Tape& t, Vars v) {
            return ops::sigmoid_focal_loss(t, v[0], labels, divisor);
          }};
}

// Of two anchors at a place, some of which do not count.
OpCase anchor_loss(const Shape& logits) {
  const std::int64_t anchors = 2 * logits.rows();
  const Tensor labels = some_labels({anchors}, logits[-1] / 2, -3);
  const Tensor weights = Tensor::full({anchors}, 0.7f);
  for (std::int64_t i = 0; i < anchors; i += 3) weights.f32()[i] = 0.0f;
  return {.name = "sigmoid_focal_loss",
          .inputs = {{logits, 2.0f}},
          .op =
              [=](Tape& t, Vars v) {
                return ops::sigmoid_focal_loss(t, v[0], labels, 2.0, {.weights = weights});
              },
          .variant = "anchors"};
}

// Distances of 2 and more, so that boxes always meet.
Tensor positive(const Shape& shape, std::uint64_t seed) {
  Tensor values = random_tensor(shape, seed);
  for (float& value : values.span()) value = 2.0f + std::abs(value);
  return values;
}

OpCase boxes_loss(std::int64_t rows, ops::BoxLoss kind) {
  const Tensor targets = positive({rows, 4}, 2), weights = positive({rows}, 3);
  weights.f32()[0] = 0.0f;
  return {.name = kind == ops::BoxLoss::kGiou ? "giou_loss" : "iou_loss",
          .inputs = {{{rows, 4}, 0.3f, 2.5f}},
          .op = [=](Tape& t, Vars v) {
            return ops::box_loss(t, v[0], targets, weights, static_cast<double>(rows), kind);
          }};
}

// Far enough from the targets that no difference changes its sign.
OpCase offsets_loss(std::int64_t rows) {
  const Tensor targets = Tensor::full({rows, 4}, 0.9f), weights = positive({rows}, 3);
  for (std::int64_t i = 0; i < targets.numel(); i += 3) targets.f32()[i] = 4.1f;
  weights.f32()[rows - 1] = 0.0f;
  return {.name = "l1_loss", .inputs = {{{rows, 4}, 0.3f, 2.5f}}, .op = [=](Tape& t, Vars v) {
            return ops::l1_loss(t, v[0], targets, weights, static_cast<double>(rows));
          }};
}

OpCase centre_loss(std::int64_t rows) {
  const Tensor targets = Tensor::full({rows}, 0.3f), weights = positive({rows}, 3);
  return {.name = "weighted_binary_cross_entropy",
          .inputs = {{{rows}, 2.0f}},
          .op = [=](Tape& t, Vars v) {
            return ops::weighted_binary_cross_entropy(t, v[0], targets, weights,
                                                      static_cast<double>(rows));
          }};
}

OpTable place_losses() {
  OpTable table;
  table.small = {pixel_loss({2, 3, 5, 4}, false),
                 pixel_loss({1, 4, 4, 11}, true),
                 pixel_loss({1, 70, 67, 3}, true),
                 sigmoid_focal_case({7, 5}),
                 sigmoid_focal_case({2, 3, 3, 2}),
                 sigmoid_focal_case({700, 13}),
                 anchor_loss({7, 6}),
                 anchor_loss({900, 10}),
                 offsets_loss(9),
                 offsets_loss(1100),
                 boxes_loss(9, ops::BoxLoss::kGiou),
                 boxes_loss(2100, ops::BoxLoss::kGiou),
                 boxes_loss(9, ops::BoxLoss::kIou),
                 centre_loss(5),
                 centre_loss(9000)};
  table.large = {pixel_loss({2, 360, 480, 11}, false), pixel_loss({2, 128, 128, 150}, false),
                 sigmoid_focal_case({8, 6400, 20}), boxes_loss(51200, ops::BoxLoss::kGiou),
                 centre_loss(51200)};
  return table;
}

}  // namespace

OpTable dense_cases() {
  OpTable table;
  for (const OpTable& part : {resizing(), pooling(), channel_norms(), place_losses()}) {
    add(table, part);
  }
  add(table, {each_of({{3, 33}, {2, 3, 5, 7}, {3, 40, 41, 33}}, map_dropout),
              {map_dropout({8, 90, 120, 128})}});
  add(table,
      {{distances({3, 33}, 8.0f), distances({2, 3, 5, 4}, 0.5f), distances({3, 60, 41, 4}, 16.0f)},
       {distances({8, 60, 80, 4}, 8.0f)}});
  return table;
}

}  // namespace tessera::test
