#include <cstring>

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/ops/tokens.h"

namespace tessera::ops {
namespace {

constexpr std::size_t kMaxParts = 8;

// sum[i] += values[i]
template <typename T>
TESSERA_KERNEL void add(const T* values, T* sum, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) store(sum[i], load(sum[i]) + load(values[i]));
}

// Columns [first, first + columns of `part`) of `whole`, written into it.
void put_columns(const Tensor& part, const Tensor& whole, std::int64_t first) {
  const auto size = static_cast<std::int64_t>(size_of(part.dtype()));
  const std::int64_t from_step = part.dim(-1) * size, to_step = whole.dim(-1) * size;
  parallel_for(part.shape().rows(), row_grain(part.dim(-1)),
               [&](std::int64_t begin, std::int64_t end) {
                 const auto* from = static_cast<const std::byte*>(part.raw()) + begin * from_step;
                 auto* to = static_cast<std::byte*>(whole.raw()) + begin * to_step + first * size;
                 for (std::int64_t row = begin; row < end; ++row) {
                   std::memcpy(to, from, static_cast<std::size_t>(from_step));
                   from += from_step;
                   to += to_step;
                 }
               });
}

// The reverse, into a gradient.
void take_columns(const Tensor& whole, std::int64_t first, const GradSink& part) {
  const std::int64_t columns = part.grad.dim(-1), step = whole.dim(-1);
  with_element_type(whole.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(whole.shape().rows(), row_grain(columns),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t row = begin; row < end; ++row) {
                     const T* from = whole.data<T>() + row * step + first;
                     T* to = part.grad.template data<T>() + row * columns;
                     if (part.accumulate) {
                       add(from, to, columns);
                     } else {
                       std::copy_n(from, columns, to);
                     }
                   }
                 });
  });
}

}  // namespace

Var concat(Tape& tape, std::span<const Var> parts) {
  if (parts.empty() || parts.size() > kMaxParts) {
    fail<ShapeError>("[concat] {} parts: give 1 to {}", parts.size(), kMaxParts);
  }
  const Var& head = parts.front();
  std::int64_t columns = 0;
  bool wants_grad = false;
  std::array<GradTarget, kMaxParts> targets{};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Var& part = parts[i];
    if (part.shape().rank() < 1 || part.shape().with_last(1) != head.shape().with_last(1) ||
        part.value.dtype() != head.value.dtype()) {
      fail<ShapeError>(
          "[concat] {} {} does not fit beside {} {}: only the last dimension may differ",
          name_of(part.value.dtype()), part.shape(), name_of(head.value.dtype()), head.shape());
    }
    columns += part.dim(-1);
    wants_grad = wants_grad || any_wants_grad(part);
    targets[i] = part.target();
  }
  Tensor y = Tensor::empty(head.shape().with_last(columns), head.value.dtype());
  OpScope op(tape, "concat", {0.0, 2.0 * static_cast<double>(y.bytes())});
  std::int64_t first = 0;
  for (const Var& part : parts) {
    put_columns(part.value, y, first);
    first += part.dim(-1);
  }
  return tape.record(std::move(y), wants_grad, [targets](Tape& t, const Tensor& dy) {
    std::int64_t column = 0;
    for (const GradTarget& target : targets) {
      if (target.shape.rank() == 0) break;
      if (const GradSink sink = t.sink(target)) take_columns(dy, column, sink);
      column += target.shape[-1];
    }
  });
}

}  // namespace tessera::ops
