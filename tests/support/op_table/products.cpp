// Ops that oneDNN does the work of.
#include "core/ops/conv2d.h"
#include "core/ops/linear.h"
#include "tests/support/op_table/cases.h"

namespace tessera::test {
namespace {

using Vars = std::span<const Var>;

OpCase linear(const Shape& x, std::int64_t out, bool bias = true) {
  OpCase made{.name = "linear", .inputs = {{x}, {{out, x[-1]}}}, .op = [](Tape& t, Vars v) {
                return ops::linear(t, v[0], v[1], v.size() > 2 ? v[2] : Var{});
              }};
  if (bias) made.inputs.push_back({{out}});
  return made;
}

OpTable linears() {
  OpTable table;
  for (const bool bias : {true, false}) {
    for (const OpCase& made :
         {linear({1, 1}, 1, bias), linear({3, 5}, 7, bias), linear({5, 5}, 5, bias),
          linear({2, 3, 4, 17}, 33, bias), linear({130, 48}, 96, bias),
          linear({1537, 12}, 5, bias)}) {  // the last in slices
      table.small.push_back(made);
    }
  }
  for (const Shape& map : kLargeMaps) {
    table.large.push_back(linear(map, 3 * map[-1]));  // query, key, value
    table.large.push_back(linear(map, map[-1]));      // projection
  }
  for (const Shape& map : {kLargeMaps[1], kLargeMaps[2], kLargeMaps[3], kLargeMaps[5]}) {
    table.large.push_back(linear(map.with_last(2 * map[-1]), map[-1], false));  // merging
  }
  table.large.push_back(linear({8, 768}, 1000));  // head
  return table;
}

OpCase mlp(const Shape& x, std::int64_t hidden, std::int64_t out) {
  return {.name = "mlp",
          .inputs = {{x}, {{hidden, x[-1]}, 0.3f}, {{hidden}}, {{out, hidden}, 0.3f}, {{out}}},
          .op = [](Tape& t, Vars v) {
            return ops::mlp(t, v[0], {v[1], v[2], v[3], v[4]});
          }};
}

OpCase conv(const Shape& x, const Shape& weight, const ops::Conv2dConfig& config = {},
            bool bias = true) {
  OpCase made{.name = "conv2d",
              .inputs = {{x}, {weight}},
              .op =
                  [config](Tape& t, Vars v) {
                    return ops::conv2d(t, v[0], v[1], v.size() > 2 ? v[2] : Var{}, config);
                  },
              .activations = 1,
              .variant = fmt::format("stride={}x{}", config.stride[0], config.stride[1])};
  if (bias) made.inputs.push_back({{weight[0]}});
  return made;
}

OpTable convolutions() {
  const ops::Conv2dConfig halving{.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
  const ops::Conv2dConfig same{.pad_begin = {1, 1}, .pad_end = {1, 1}};
  const auto grouped = [&](std::int64_t groups, std::array<std::int64_t, 2> stride = {1, 1}) {
    ops::Conv2dConfig config = same;
    config.groups = groups;
    config.stride = stride;
    return config;
  };
  return {{conv({1, 1, 1, 1}, {1, 1, 1, 1}), conv({2, 8, 8, 3}, {16, 3, 4, 4}, {.stride = {4, 4}}),
           conv({2, 9, 11, 3}, {5, 3, 3, 3}, halving),
           conv({2, 9, 11, 3}, {5, 3, 3, 3}, halving, false),
           conv({1, 7, 10, 4}, {8, 4, 3, 2},
                {.stride = {2, 3}, .pad_begin = {0, 1}, .pad_end = {2, 0}}),
           conv({1, 10, 9, 3}, {7, 3, 2, 2}, {.stride = {4, 4}}),  // some pixels are never read
           conv({2, 6, 5, 6}, {9, 2, 3, 3}, grouped(3)),
           conv({2, 6, 5, 16}, {16, 1, 3, 3}, grouped(16)),
           // Narrower than the stride.
           conv({2, 5, 1, 16}, {16, 1, 3, 3}, grouped(16, {2, 2})),
           conv({1, 4, 2, 32}, {64, 8, 2, 2}, grouped(4, {3, 3})),
           conv({2, 4, 3, 8}, {8, 4, 3, 3}, grouped(2, {1, 4})),
           conv({2, 14, 14, 32}, {48, 32, 3, 3}, halving), conv({1, 15, 16, 2}, {3, 2, 15, 16}),
           conv({2, 33, 30, 1}, {5, 1, 16, 3}, halving),
           conv({1, 20, 40, 1}, {3, 1, 2, 17}, {.pad_begin = {0, 8}, .pad_end = {1, 8}}, false)},
          {conv({8, 224, 224, 3}, {96, 3, 4, 4}, {.stride = {4, 4}}),
           conv({8, 224, 224, 3}, {48, 3, 3, 3}, halving),
           conv({8, 112, 112, 48}, {96, 48, 3, 3}, halving),
           conv({128, 32, 32, 3}, {48, 3, 2, 2}, {.stride = {2, 2}})}};
}

}  // namespace

OpTable product_cases() {
  OpTable table;
  add(table, linears());
  // The second, third and last small ones are cut into slices.
  add(table,
      {{mlp({5, 3}, 7, 2), mlp({1030, 4}, 6, 3), mlp({1537, 24}, 33, 8), mlp({7, 7}, 7, 7),
        mlp({1100, 9}, 9, 9)},
       each_of(kLargeMaps, [](const Shape& map) { return mlp(map, 4 * map[-1], map[-1]); })});
  add(table, convolutions());
  return table;
}

}  // namespace tessera::test
