#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "core/ops/window_attention.h"
#include "tests/support/gradient_check.h"

namespace tessera {
namespace {

using ops::AttentionArguments;
using ops::AttentionProbabilities;
using test::random_tensor;

struct ProbabilitiesCase {
  const char* name;
  std::int64_t batch, height, width, heads, head_dim;
  std::array<std::int64_t, 2> window, shift;
  bool mask_padding = true, bias = true, pad = false, cosine = false, roll_first = false;
};

const std::vector<ProbabilitiesCase> kProbabilitiesCases = {
    {"plain", 2, 8, 8, 2, 8, {4, 4}, {0, 0}},
    {"shifted", 2, 8, 8, 2, 8, {4, 4}, {2, 2}},
    {"rectangular, no bias", 1, 6, 10, 3, 5, {3, 5}, {1, 2}, true, false},
    {"padding masked, shifted", 2, 9, 11, 2, 8, {4, 4}, {2, 2}},
    {"padding attended, shifted", 2, 9, 11, 2, 8, {4, 4}, {2, 2}, false, true, true},
    {"rolled first", 2, 9, 11, 2, 8, {4, 4}, {2, 2}, false, true, true, false, true},
    {"padding of zeros", 1, 5, 9, 2, 8, {4, 4}, {1, 2}, false},
    {"window larger than the map", 1, 3, 4, 2, 8, {7, 7}, {0, 0}},
    {"cosine, padded, shifted", 1, 9, 10, 2, 3, {4, 4}, {2, 2}, false, true, true, true},
};

AttentionArguments arguments_of(const ProbabilitiesCase& c) {
  const std::int64_t channels = c.heads * c.head_dim, n = c.window[0] * c.window[1];
  AttentionArguments arguments{.qkv = random_tensor({c.batch, c.height, c.width, 3 * channels}, 1),
                               .bias = {},
                               .pad_qkv = {},
                               .logit_scale = {},
                               .config = {.num_heads = c.heads,
                                          .window = c.window,
                                          .shift = c.shift,
                                          .mask_padding = c.mask_padding,
                                          .roll_first = c.roll_first,
                                          .scale = 0.4f}};
  if (c.bias) arguments.bias = random_tensor({c.heads, n, n}, 2);
  if (c.pad) arguments.pad_qkv = random_tensor({3 * channels}, 3);
  if (c.cosine) arguments.logit_scale = random_tensor({c.heads}, 4);
  return arguments;
}

Tensor run_op(const AttentionArguments& a) {
  Tape tape({.training = false});
  return ops::window_attention(tape, tape.constant(a.qkv), tape.constant(a.bias),
                               tape.constant(a.pad_qkv), tape.constant(a.logit_scale), a.config)
      .value;
}

// P V, every token's row back at its place of the map: [B, H, W, C].
Tensor weigh_values(const AttentionArguments& a, const AttentionProbabilities& p) {
  const std::int64_t channels = a.qkv.dim(3) / 3, tokens = a.qkv.dim(1) * a.qkv.dim(2);
  const std::int64_t heads = a.config.num_heads, head_dim = channels / heads;
  const std::int64_t windows = p.values.dim(1), n = p.values.dim(3);
  Tensor out = Tensor::full(a.qkv.shape().with_last(channels), NAN);
  const float* row = p.values.f32();
  for (std::int64_t b = 0; b < a.qkv.dim(0); ++b) {
    for (std::int64_t w = 0; w < windows; ++w) {
      const std::int64_t* const token = p.tokens.data() + w * n;
      for (std::int64_t head = 0; head < heads; ++head) {
        for (std::int64_t i = 0; i < n; ++i, row += n) {
          for (std::int64_t c = head * head_dim; c < (head + 1) * head_dim && token[i] >= 0; ++c) {
            double sum = 0.0;
            for (std::int64_t j = 0; j < n; ++j) {
              double value = a.pad_qkv ? double{a.pad_qkv.f32()[2 * channels + c]} : 0.0;
              if (token[j] >= 0) {
                value = double{a.qkv.f32()[((b * tokens + token[j]) * 3 + 2) * channels + c]};
              }
              sum += double{row[j]} * value;
            }
            out.f32()[(b * tokens + token[i]) * channels + c] = static_cast<float>(sum);
          }
        }
      }
    }
  }
  return out;
}

TEST_CASE("attention probabilities sum to 1 and, times V, give the output of window attention") {
  for (const ProbabilitiesCase& c : kProbabilitiesCases) {
    CAPTURE(c.name);
    const AttentionArguments arguments = arguments_of(c);
    const AttentionProbabilities p = ops::attention_probabilities(arguments);
    const std::int64_t n = c.window[0] * c.window[1];
    const std::int64_t windows =
        (c.height + c.window[0] - 1) / c.window[0] * ((c.width + c.window[1] - 1) / c.window[1]);
    REQUIRE(p.values.shape() == Shape{c.batch, windows, c.heads, n, n});
    for (std::int64_t row = 0; row < p.values.shape().rows(); ++row) {
      double sum = 0.0;
      for (std::int64_t j = 0; j < n; ++j) sum += double{p.values.f32()[row * n + j]};
      REQUIRE(std::abs(sum - 1.0) < 1e-5);
    }
    CHECK(test::relative_error(weigh_values(arguments, p), run_op(arguments)) < 1e-5);
  }
}

TEST_CASE("every token of the map stands at one place of one window") {
  for (const ProbabilitiesCase& c : kProbabilitiesCases) {
    CAPTURE(c.name);
    const AttentionProbabilities p = ops::attention_probabilities(arguments_of(c));
    std::multiset<std::int64_t> seen(p.tokens.begin(), p.tokens.end());
    for (std::int64_t token = 0; token < c.height * c.width; ++token) {
      REQUIRE(seen.count(token) == 1);
    }
    CHECK(seen.size() - seen.count(-1) == static_cast<std::size_t>(c.height * c.width));
  }
}

TEST_CASE("masked padding gets no attention, and bf16 is read as its f32 values") {
  AttentionArguments arguments = arguments_of(kProbabilitiesCases[3]);
  const AttentionProbabilities p = ops::attention_probabilities(arguments);
  const std::int64_t n = p.values.dim(3), per_window = p.values.dim(2) * n * n;
  std::int64_t padding = 0;
  for (std::int64_t i = 0; i < p.values.numel(); ++i) {
    const std::int64_t window = i / per_window % p.values.dim(1);
    if (p.tokens[static_cast<std::size_t>(window * n + i % n)] >= 0) continue;
    ++padding;
    REQUIRE(p.values.f32()[i] == 0.0f);
  }
  CHECK(padding > 0);

  arguments.qkv = cast(arguments.qkv, DType::kBF16);
  const Tensor low = ops::attention_probabilities(arguments).values;
  arguments.qkv = cast(arguments.qkv, DType::kF32);
  CHECK(test::relative_error(low, ops::attention_probabilities(arguments).values) == 0.0);
}

}  // namespace
}  // namespace tessera
