// Ops on single elements, and on rows of logits.
#include "core/ops/cross_entropy.h"
#include "core/ops/dropout.h"
#include "core/ops/elementwise.h"
#include "tests/support/op_table/cases.h"

namespace tessera::test {
namespace {

using Vars = std::span<const Var>;

struct Shapes {
  std::vector<Shape> small, large;
};

// Cases of an op with one input, at `shapes` in place of the input's own.
template <typename Function>
OpTable unary(const char* name, const OpInput& values, Function op, const Shapes& shapes,
              double bf16_tolerance = 2e-2) {
  const auto make = [&](const Shape& shape) {
    OpInput input = values;
    input.shape = shape;
    return OpCase{.name = name,
                  .inputs = {input},
                  .op = [op](Tape& t, Vars v) { return op(t, v[0]); },
                  .bf16_tolerance = bf16_tolerance};
  };
  return {each_of(shapes.small, make), each_of(shapes.large, make)};
}

OpTable activations() {
  const Shapes shapes = {{{1}, {3, 5}, {2, 3, 7, 33}, {20011}},
                         {{8, 56, 56, 384}, {128, 16, 16, 192}}};
  const Shapes rows = {{{7}, {3, 17}, {2, 3, 49}, {700, 33}}, {{128, 1000}, {8, 12, 196, 196}}};
  const auto sigmoid = [](Tape& t, const Var& x) { return ops::sigmoid(t, x, 16.0f); };
  OpTable table;
  add(table, unary("gelu", {.shape = {}, .scale = 2.0f}, ops::gelu, shapes));
  add(table, unary("relu", {.shape = {}, .gap = 0.1f}, ops::relu, shapes));
  add(table, unary("sigmoid", {.shape = {}, .scale = 2.0f}, sigmoid, shapes, 4e-2));
  add(table, unary("softmax", {.shape = {}, .scale = 3.0f}, ops::softmax, rows, 5e-2));
  return table;
}

OpTable dropping() {
  const Shapes shapes = {{{3, 33}, {5, 3, 7}, {3, 33333}}, kLargeMaps};
  const auto dropout = [](Tape& t, const Var& x) { return ops::dropout(t, x, 0.3f, 1); };
  OpTable table;
  add(table, unary("dropout", {}, dropout, shapes));
  return table;
}

OpCase sum_of_two(const Shape& shape) {
  return {.name = "add",
          .inputs = {{shape}, {shape}},
          .op = [](Tape& t, Vars v) { return ops::add(t, v[0], v[1]); },
          .activations = 2};
}

OpCase scaled_sum(const Shape& shape, bool scaled) {
  const Tensor scale = scaled ? random_tensor({shape[0]}, 3) : Tensor();
  return {.name = "add_scaled",
          .inputs = {{shape}, {shape}},
          .op = [scale](Tape& t, Vars v) { return ops::add_scaled(t, v[0], v[1], scale); },
          .activations = 2,
          .variant = scaled ? "scaled" : "plain"};
}

OpTable sums() {
  const std::vector<Shape> small = {{5, 3, 7}, {1, 1}, {3, 33333}};
  const auto scaled = [](const Shape& shape) { return scaled_sum(shape, true); };
  const auto plain = [](const Shape& shape) { return scaled_sum(shape, false); };
  OpTable table;
  add(table, {each_of(small, sum_of_two), each_of(kLargeMaps, sum_of_two)});
  add(table, {each_of(small, scaled), each_of(kLargeMaps, scaled)});
  add(table, {each_of(small, plain), {}});
  return table;
}

OpCase hard_loss(const Shape& logits, float smoothing) {
  Tensor labels = Tensor::empty({logits[0]}, DType::kI32);
  for (std::int64_t b = 0; b < logits[0]; ++b) {
    labels.data<std::int32_t>()[b] = static_cast<std::int32_t>((b * 7 + 3) % logits[1]);
  }
  return {.name = "cross_entropy",
          .inputs = {{logits, 2.0f}},
          .op = [=](Tape& t, Vars v) { return ops::cross_entropy(t, v[0], labels, smoothing); },
          .activations = 1,
          .variant = fmt::format("smoothing={}", smoothing)};
}

// The targets do not sum to one.
OpCase soft_loss(const Shape& logits) {
  const Tensor targets = random_tensor(logits, 2);
  return {.name = "cross_entropy",
          .inputs = {{logits, 2.0f}},
          .op = [=](Tape& t, Vars v) { return ops::soft_cross_entropy(t, v[0], targets); },
          .activations = 1,
          .variant = "soft"};
}

OpCase focal_loss(const Shape& logits) {
  const Tensor targets = random_tensor(logits, 2);
  return {.name = "focal_cross_entropy",
          .inputs = {{logits, 2.0f}},
          .op = [=](Tape& t, Vars v) { return ops::focal_cross_entropy(t, v[0], targets, 2.0f); },
          .activations = 1};
}

OpCase binary_loss(const Shape& logits) {
  const Tensor targets = random_tensor(logits, 2);
  return {.name = "binary_cross_entropy",
          .inputs = {{logits, 2.0f}},
          .op = [=](Tape& t, Vars v) { return ops::binary_cross_entropy(t, v[0], targets); },
          .activations = 1};
}

OpCase distilled(const Shape& logits, float temperature) {
  const Tensor teacher = random_tensor(logits, 2, 3.0f);
  return {.name = "distillation",
          .inputs = {{logits, 2.0f}},
          .op = [=](Tape& t, Vars v) { return ops::distillation(t, v[0], teacher, temperature); },
          .activations = 1,
          .variant = fmt::format("{}", temperature)};
}

OpTable losses() {
  OpTable table;
  table.small = {hard_loss({1, 2}, 0.0f), hard_loss({5, 10}, 0.1f), hard_loss({3, 37}, 0.3f),
                 hard_loss({130, 101}, 0.0f), hard_loss({4, 7}, 1.0f)};
  add(table, {each_of({{1, 2}, {3, 5}, {130, 101}}, soft_loss), {soft_loss({128, 1000})}});
  add(table, {each_of({{1, 2}, {3, 5}, {130, 101}}, focal_loss), {focal_loss({128, 1000})}});
  add(table, {each_of({{1, 1}, {3, 5}, {130, 101}}, binary_loss), {binary_loss({128, 1000})}});
  add(table, {{distilled({1, 2}, 1.0f), distilled({3, 5}, 3.0f), distilled({130, 101}, 0.5f)},
              {distilled({128, 1000}, 3.0f)}});
  table.large.push_back(hard_loss({128, 1000}, 0.1f));
  return table;
}

}  // namespace

OpTable element_cases() {
  OpTable table;
  for (const OpTable& part : {activations(), dropping(), sums(), losses()}) add(table, part);
  return table;
}

}  // namespace tessera::test
