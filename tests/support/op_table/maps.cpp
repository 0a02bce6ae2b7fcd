// Ops on feature maps and tokens: norms, pooling, blocks, positions.
#include "core/ops/dropout.h"
#include "core/ops/neighbours.h"
#include "core/ops/norms.h"
#include "core/ops/tokens.h"
#include "tests/support/op_table/cases.h"

namespace tessera::test {
namespace {

using Vars = std::span<const Var>;

OpCase norm(const Shape& x) {
  return {.name = "layer_norm", .inputs = {{x}, {{x[-1]}}, {{x[-1]}}}, .op = [](Tape& t, Vars v) {
            return ops::layer_norm(t, v[0], v[1], v[2]);
          }};
}

/// Factors of stochastic depth, one sample dropped.
Tensor some_scale(std::int64_t batch) {
  const Tensor scale = random_tensor({batch}, 5);
  scale.f32()[0] = 0.0f;
  return scale;
}

// Both outputs at once, so that one gradient reaches them together: s + 0.5 layer_norm(s).
OpCase sum_and_norm(const Shape& x, const Tensor& scale) {
  const Tensor half = Tensor::full({x[0]}, 0.5f);
  return {.name = "add_layer_norm",
          .inputs = {{x}, {x}, {{x[-1]}}, {{x[-1]}}},
          .op =
              [=](Tape& t, Vars v) {
                const auto [sum, normed] = ops::add_layer_norm(t, v[0], v[1], scale, v[2], v[3]);
                return ops::add_scaled(t, sum, normed, half);
              },
          .activations = 2,
          .variant = scale ? "both,scaled" : "both"};
}

OpCase norm_of_sum(const Shape& x, const Tensor& scale) {
  return {.name = "add_layer_norm",
          .inputs = {{x}, {x}, {{x[-1]}}, {{x[-1]}}},
          .op = [=](Tape& t,
                    Vars v) { return ops::add_layer_norm(t, v[0], v[1], scale, v[2], v[3])[1]; },
          .activations = 2,
          .variant = scale ? "norm,scaled" : "norm"};
}

OpCase sum_beside_norm(const Shape& x, const Tensor& scale) {
  const Tensor gamma = random_tensor({x[-1]}, 3), beta = random_tensor({x[-1]}, 4);
  return {.name = "add_layer_norm",
          .inputs = {{x}, {x}},
          .op =
              [=](Tape& t, Vars v) {
                return ops::add_layer_norm(t, v[0], v[1], scale, t.constant(gamma),
                                           t.constant(beta))[0];
              },
          .activations = 2,
          .variant = scale ? "sum,scaled" : "sum"};
}

OpTable norms() {
  OpTable table;
  add(table, {each_of({{5}, {1, 16}, {3, 17}, {2, 3, 5, 48}, {301, 97}, {4, 1536}}, norm),
              each_of(kLargeMaps, norm)});
  for (const Shape& x : {Shape{2, 17}, Shape{3, 2, 5, 33}, Shape{2, 200, 96}}) {
    for (const Tensor& scale : {Tensor(), some_scale(x[0])}) {
      table.small.push_back(sum_and_norm(x, scale));
      table.small.push_back(norm_of_sum(x, scale));
      table.small.push_back(sum_beside_norm(x, scale));
    }
  }
  for (const Shape& x : kLargeMaps) table.large.push_back(sum_and_norm(x, {}));
  return table;
}

OpCase pool(const Shape& x) {
  return {.name = "mean_pool", .inputs = {{x}}, .op = [](Tape& t, Vars v) {
            return ops::mean_pool(t, v[0]);
          }};
}

OpCase blocks(const Shape& x, std::array<std::int64_t, 2> block) {
  return {.name = "space_to_depth",
          .inputs = {{x}},
          .op = [=](Tape& t, Vars v) { return ops::space_to_depth(t, v[0], block); },
          .activations = 1,
          .variant = fmt::format("{}x{}", block[0], block[1]),
          .bf16_tolerance = 1e-2};
}

OpTable block_cases() {
  OpTable table;
  table.small = {blocks({1, 2, 2, 1}, {2, 2}), blocks({2, 8, 12, 3}, {4, 4}),
                 blocks({2, 7, 5, 3}, {2, 2}), blocks({1, 9, 7, 5}, {3, 2}),
                 blocks({1, 5, 7, 4}, {1, 1}), blocks({3, 65, 63, 16}, {2, 2})};
  for (const Shape& x : {kLargeMaps[0], kLargeMaps[1], kLargeMaps[2], kLargeMaps[4]}) {
    table.large.push_back(blocks(x, {2, 2}));
  }
  return table;
}

OpCase position(const Shape& tokens) {
  return {.name = "add_position",
          .inputs = {{tokens}, {{1, tokens[1] * tokens[2], tokens[3]}}},
          .op = [](Tape& t, Vars v) { return ops::add_position(t, v[0], v[1]); }};
}

OpCase prepended(const Shape& tokens) {
  return {.name = "prepend_token",
          .inputs = {{tokens}, {{1, 1, tokens[3]}}},
          .op = [](Tape& t, Vars v) { return ops::prepend_token(t, v[0], v[1]); }};
}

OpCase first(const Shape& tokens) {
  return {.name = "first_token", .inputs = {{tokens}}, .op = [](Tape& t, Vars v) {
            return ops::first_token(t, v[0]);
          }};
}

}  // namespace

OpTable map_cases() {
  const std::vector<Shape> tokens = {{1, 1, 1, 1}, {3, 2, 5, 33}};
  const std::vector<Shape> vit_tokens = {{8, 14, 14, 384}};
  OpTable table;
  add(table, norms());
  add(table, {each_of({{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 7, 7, 97}, {5, 9, 8, 192}}, pool),
              each_of({kLargeMaps[3], kLargeMaps[6]}, pool)});
  add(table, block_cases());
  add(table, {each_of({{1, 1, 1, 1}, {3, 5, 7, 33}, {2, 32, 32, 12}}, position),
              each_of({kLargeMaps[0], kLargeMaps[4]}, position)});
  add(table, {each_of(tokens, prepended), each_of(vit_tokens, prepended)});
  add(table, {each_of(tokens, first), each_of(vit_tokens, first)});
  return table;
}

}  // namespace tessera::test
