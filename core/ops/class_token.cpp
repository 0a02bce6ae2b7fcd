#include "core/ops/class_token.h"

#include <cstring>

#include "core/error.h"
#include "core/kernels/element.h"

namespace tessera::ops {
namespace {

std::byte* sample_of(const Tensor& x, std::int64_t sample) {
  return static_cast<std::byte*>(x.raw()) +
         static_cast<std::size_t>(sample) * (x.bytes() / static_cast<std::size_t>(x.dim(0)));
}

// dtoken[c] (+)= dy[b, 0, c] over the samples b.
void token_gradient(const Tensor& dy, const GradSink& sink) {
  const std::int64_t channels = dy.dim(-1), step = dy.numel() / dy.dim(0);
  float* const sum = sink.grad.f32();
  if (!sink.accumulate) std::fill_n(sum, channels, 0.0f);
  with_element_type(dy.dtype(), [&](auto element) {
    const auto* row = dy.data<decltype(element)>();
    for (std::int64_t b = 0; b < dy.dim(0); ++b, row += step) {
      for (std::int64_t c = 0; c < channels; ++c) sum[c] += load(row[c]);
    }
  });
}

}  // namespace

Var prepend_token(Tape& tape, const Var& tokens, const Var& token) {
  if (tokens.shape().rank() != 4 || tokens.value.numel() < 1 ||
      token.shape() != Shape{1, 1, tokens.dim(3)} || token.value.dtype() != DType::kF32) {
    fail<ShapeError>(
        "[prepend_token] tokens {} and token {} {}: must be [B, H, W, C] and f32 [1, 1, C]",
        tokens.shape(), name_of(token.value.dtype()), token.shape());
  }
  const std::int64_t batch = tokens.dim(0), channels = tokens.dim(3);
  const DType dtype = tokens.value.dtype();
  Tensor y = Tensor::empty({batch, 1, 1 + tokens.dim(1) * tokens.dim(2), channels}, dtype);
  OpScope op(tape, "prepend_token", {0.0, 2.0 * static_cast<double>(y.bytes())});
  const Tensor first = dtype == DType::kF32 ? token.value : cast(token.value, dtype);
  const std::size_t rest = tokens.value.bytes() / static_cast<std::size_t>(batch);
  for (std::int64_t b = 0; b < batch; ++b) {
    std::memcpy(sample_of(y, b), first.raw(), first.bytes());
    std::memcpy(sample_of(y, b) + first.bytes(), sample_of(tokens.value, b), rest);
  }
  return tape.record(std::move(y), any_wants_grad(tokens, token),
                     [tokens = tokens.target(), token = token.target(), rest, skip = first.bytes()](
                         Tape& t, const Tensor& dy) {
                       if (const GradSink sink = t.sink(token)) token_gradient(dy, sink);
                       if (!tokens) return;
                       const Tensor dx = Tensor::empty(tokens.shape, tokens.dtype);
                       for (std::int64_t b = 0; b < dx.dim(0); ++b) {
                         std::memcpy(sample_of(dx, b), sample_of(dy, b) + skip, rest);
                       }
                       t.pass(tokens, dx);
                     });
}

Var first_token(Tape& tape, const Var& x) {
  if (x.shape().rank() != 4 || x.value.numel() < 1) {
    fail<ShapeError>("[first_token] x {} is not [B, H, W, C] with tokens to take", x.shape());
  }
  Tensor y = Tensor::empty({x.dim(0), x.dim(3)}, x.value.dtype());
  OpScope op(tape, "first_token", {0.0, 2.0 * static_cast<double>(y.bytes())});
  for (std::int64_t b = 0; b < y.dim(0); ++b) {
    std::memcpy(sample_of(y, b), sample_of(x.value, b), sample_of(y, 1) - sample_of(y, 0));
  }
  return tape.record(std::move(y), any_wants_grad(x), [x = x.target()](Tape& t, const Tensor& dy) {
    const Tensor dx = Tensor::zeros(x.shape, x.dtype);
    for (std::int64_t b = 0; b < dx.dim(0); ++b) {
      std::memcpy(sample_of(dx, b), sample_of(dy, b),
                  static_cast<std::size_t>(sample_of(dy, 1) - sample_of(dy, 0)));
    }
    t.pass(x, dx);
  });
}

}  // namespace tessera::ops
