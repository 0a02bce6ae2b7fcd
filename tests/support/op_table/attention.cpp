// Window attention, and what makes its biases.
#include <cmath>

#include "core/kernels/cpu.h"
#include "core/kernels/vector_kernels.h"
#include "core/kernels/window_attention_kernels.h"
#include "core/ops/window_attention.h"
#include "tests/support/op_table/cases.h"

namespace tessera::test {
namespace {

using Vars = std::span<const Var>;

struct AttentionCase {
  const char* name;
  std::int64_t batch, height, width, heads, head_dim;
  std::array<std::int64_t, 2> window;
  std::array<std::int64_t, 2> shift{0, 0};
  bool mask_padding = true, bias = true, pad = false, cosine = false, roll_first = false;
};

OpCase attention(const AttentionCase& c, VectorTarget target) {
  const std::int64_t channels = c.heads * c.head_dim, tokens = c.window[0] * c.window[1];
  const ops::WindowAttentionConfig config{.num_heads = c.heads,
                                          .window = c.window,
                                          .shift = c.shift,
                                          .mask_padding = c.mask_padding,
                                          .roll_first = c.roll_first,
                                          .scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim)),
                                          .target = target};
  // Products of pairs of bf16 take probabilities and gradients of logits that are rounded too.
  const bool of_pairs = vector_kernels(target).attention->has_dots && !c.cosine;
  OpCase made{.name = "window_attention",
              .inputs = {{{c.batch, c.height, c.width, 3 * channels}}},
              .op =
                  [c, config](Tape& t, Vars v) {
                    std::size_t next = 1;
                    const auto take = [&](bool present) { return present ? v[next++] : Var{}; };
                    const Var bias = take(c.bias), pad = take(c.pad), logit_scale = take(c.cosine);
                    return ops::window_attention(t, v[0], bias, pad, logit_scale, config);
                  },
              .activations = 1,
              .variant = fmt::format("{},{}", c.name, name_of(target)),
              .bf16_tolerance = of_pairs ? 6e-3 : 4e-3};
  if (c.bias) made.inputs.push_back({{c.heads, tokens, tokens}, 0.5f});
  if (c.pad) made.inputs.push_back({{3 * channels}});
  if (c.cosine) made.inputs.push_back({{c.heads}, 0.3f, 1.5f});
  return made;
}

OpTable window_attention() {
  OpTable table;
  for (const VectorTarget target : vector_targets()) {
    for (const AttentionCase& c : std::initializer_list<AttentionCase>{
             {"plain", 2, 14, 14, 3, 32, {7, 7}},
             {"shifted", 8, 14, 14, 3, 32, {7, 7}, {3, 3}},
             {"rectangular", 1, 6, 10, 2, 8, {3, 5}, {1, 2}},
             {"one-token-a-window", 1, 3, 2, 2, 3, {1, 1}},
             {"no-bias", 1, 8, 8, 2, 32, {4, 4}, {2, 2}, true, false},
             {"padding-masked", 2, 9, 11, 3, 16, {4, 4}, {2, 2}},
             {"padding-attended", 1, 10, 12, 2, 32, {7, 7}, {3, 3}, false, true, true},
             {"rolled-first", 1, 9, 10, 2, 8, {4, 4}, {2, 1}, false, true, true, false, true},
             {"cosine", 2, 8, 8, 3, 32, {4, 4}, {2, 2}, true, true, false, true},
             {"cosine-padded", 1, 9, 10, 4, 3, {4, 4}, {2, 2}, false, true, true, true}}) {
      table.small.push_back(attention(c, target));
    }
    for (const AttentionCase& c : std::initializer_list<AttentionCase>{
             {"plain", 8, 56, 56, 3, 32, {7, 7}},
             {"shifted", 8, 56, 56, 3, 32, {7, 7}, {3, 3}},
             {"shifted", 8, 28, 28, 6, 32, {7, 7}, {3, 3}},
             {"shifted", 8, 14, 14, 12, 32, {7, 7}, {3, 3}},
             {"plain", 8, 7, 7, 24, 32, {7, 7}},
             {"cosine", 8, 14, 14, 12, 32, {7, 7}, {3, 3}, true, true, false, true},
             {"shifted", 128, 16, 16, 3, 16, {4, 4}, {2, 2}},
             {"shifted", 128, 8, 8, 6, 16, {4, 4}, {2, 2}},
             {"plain", 128, 4, 4, 12, 16, {4, 4}},
             {"shifted", 128, 14, 14, 3, 16, {7, 7}, {3, 3}}}) {
      table.large.push_back(attention(c, target));
    }
  }
  return table;
}

OpCase position_bias(std::array<std::int64_t, 2> window, std::int64_t heads) {
  return {.name = "relative_position_bias",
          .inputs = {{{(2 * window[0] - 1) * (2 * window[1] - 1), heads}}},
          .op = [=](Tape& t, Vars v) { return ops::relative_position_bias(t, v[0], window); },
          .activations = 0,
          .variant = fmt::format("window={}x{}", window[0], window[1])};
}

OpCase position_bias_within(std::array<std::int64_t, 2> window, std::array<std::int64_t, 2> table) {
  return {
      .name = "relative_position_bias",
      .inputs = {{{(2 * table[0] - 1) * (2 * table[1] - 1), 3}}},
      .op = [=](Tape& t, Vars v) { return ops::relative_position_bias(t, v[0], window, table); },
      .activations = 0,
      .variant = fmt::format("window={}x{},table", window[0], window[1])};
}

OpCase key_bias(const Shape& bias) {
  return {.name = "without_key_bias",
          .inputs = {{bias}},
          .op = [](Tape& t, Vars v) { return ops::without_key_bias(t, v[0]); },
          .activations = 0};
}

}  // namespace

OpTable attention_cases() {
  OpTable table;
  add(table, window_attention());
  add(table, {{position_bias({1, 1}, 3), position_bias({2, 3}, 3), position_bias({4, 4}, 3),
               position_bias_within({2, 3}, {4, 3})},
              {position_bias({7, 7}, 3), position_bias({7, 7}, 24)}});
  add(table, {{key_bias({3}), key_bias({33})}, {key_bias({2304})}});
  return table;
}

}  // namespace tessera::test
