#include <algorithm>

#include "core/error.h"
#include "core/ops/window_attention.h"
#include "core/parallel.h"

namespace tessera::ops {
namespace {

// Calls body(i, row) for elements i of one head's [N, N] and the rows of the table they show.
template <typename Body>
void for_pairs(std::array<std::int64_t, 2> window, std::array<std::int64_t, 2> table, Body body) {
  const auto [height, width] = window;
  std::int64_t i = 0;
  for (std::int64_t qy = 0; qy < height; ++qy) {
    for (std::int64_t qx = 0; qx < width; ++qx) {
      for (std::int64_t ky = 0; ky < height; ++ky) {
        const std::int64_t row = (qy - ky + table[0] - 1) * (2 * table[1] - 1) + qx + table[1] - 1;
        for (std::int64_t kx = 0; kx < width; ++kx, ++i) body(i, row - kx);
      }
    }
  }
}

void clear_keys(const Tensor& bias) {
  const std::int64_t channels = bias.dim(0) / 3;
  std::fill_n(bias.f32() + channels, channels, 0.0f);
}

}  // namespace

Var relative_position_bias(Tape& tape, const Var& table, std::array<std::int64_t, 2> window,
                           std::array<std::int64_t, 2> table_window) {
  const std::int64_t rows = (2 * table_window[0] - 1) * (2 * table_window[1] - 1);
  if (window[0] < 1 || window[1] < 1 || table.shape().rank() != 2 || table.dim(0) != rows ||
      table.value.dtype() != DType::kF32) {
    fail<ShapeError>(
        "[relative_position_bias] table {} {} for window {}x{}: must be f32 [{}, heads]",
        name_of(table.value.dtype()), table.shape(), table_window[0], table_window[1], rows);
  }
  if (window[0] > table_window[0] || window[1] > table_window[1]) {
    fail<ShapeError>(
        "[relative_position_bias] a window of {}x{} tokens is larger than the {}x{} of its table: "
        "use images of at most the configured size, or model.position continuous",
        window[0], window[1], table_window[0], table_window[1]);
  }
  const std::int64_t heads = table.dim(1), tokens = window[0] * window[1];
  const std::int64_t pairs = tokens * tokens;
  Tensor bias = Tensor::empty({heads, tokens, tokens});
  OpScope op(tape, "relative_position_bias", {0.0, 2.0 * static_cast<double>(bias.bytes())});
  parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t head = begin; head < end; ++head) {
      float* const to = bias.f32() + head * pairs;
      const float* const from = table.value.f32() + head;
      for_pairs(window, table_window,
                [&](std::int64_t i, std::int64_t row) { to[i] = from[row * heads]; });
    }
  });
  return tape.record(
      std::move(bias), any_wants_grad(table),
      [target = table.target(), window, table_window, heads, pairs](Tape& t, const Tensor& dbias) {
        const GradSink sink = t.sink(target);
        if (!sink) return;
        if (!sink.accumulate) sink.grad.fill(0.0f);
        parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t head = begin; head < end; ++head) {
            const float* const from = dbias.f32() + head * pairs;
            float* const to = sink.grad.f32() + head;
            for_pairs(window, table_window,
                      [&](std::int64_t i, std::int64_t row) { to[row * heads] += from[i]; });
          }
        });
      });
}

Var without_key_bias(Tape& tape, const Var& bias) {
  if (bias.shape().rank() != 1 || bias.dim(0) % 3 != 0 || bias.value.dtype() != DType::kF32) {
    fail<ShapeError>("[without_key_bias] bias is {} {}, must be f32 [3C]",
                     name_of(bias.value.dtype()), bias.shape());
  }
  OpScope op(tape, "without_key_bias", {0.0, 2.0 * static_cast<double>(bias.value.bytes())});
  Tensor masked = bias.value.clone();
  clear_keys(masked);
  return tape.record(std::move(masked), any_wants_grad(bias),
                     [bias = bias.target()](Tape& t, const Tensor& dy) {
                       const Tensor dbias = dy.unique() ? dy : dy.clone();
                       clear_keys(dbias);
                       t.pass(bias, dbias);
                     });
}

}  // namespace tessera::ops
