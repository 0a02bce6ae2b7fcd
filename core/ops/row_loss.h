// What losses over rows of logits have in common: checks, the mean over the batch, the gradient.
#pragma once

#include <vector>

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/tape.h"

namespace tessera::ops {

/// Throws ShapeError in the name of `op`.
inline void check_logits(const char* op, const Shape& logits) {
  if (logits.rank() != 2 || logits[0] < 1 || logits[1] < 1) {
    fail<ShapeError>("[{}] logits {} are not [B, K] with B and K of at least 1", op, logits);
  }
}

/// The same, and for targets that are not f32 of the logits' shape.
inline void check_targets(const char* op, const Var& logits, const Tensor& targets) {
  check_logits(op, logits.shape());
  if (targets.shape() != logits.shape() || targets.dtype() != DType::kF32) {
    fail<ShapeError>("[{}] targets {} {} do not fit logits {}: they must be f32 {}", op,
                     name_of(targets.dtype()), targets.shape(), logits.shape(), logits.shape());
  }
}

/// Runs `row(b, z, g)` for each row z [K] of the logits and records the mean over the batch (see
/// BatchPart) of the losses that it returns as [1]; the sum runs in the order of the rows. `row`
/// leaves d loss / d z in g, f32 [K].
template <typename Row>
Var record_row_loss(Tape& tape, const char* name, const Var& logits, const Row& row) {
  const std::int64_t batch = logits.dim(0), classes = logits.dim(1);
  OpScope op(tape, name,
             {25.0 * static_cast<double>(logits.value.numel()),
              2.0 * static_cast<double>(logits.value.bytes())});
  const Tensor gradient = Tensor::empty(logits.shape());
  const std::int64_t samples = tape.options().part.samples(batch);
  std::vector<double> losses(static_cast<std::size_t>(batch));
  with_element_type(logits.value.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(batch, row_grain(4 * classes), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const T* z = logits.value.data<T>() + b * classes;
        losses[static_cast<std::size_t>(b)] = row(b, z, gradient.f32() + b * classes);
      }
    });
  });
  double sum = 0.0;
  for (const double loss : losses) sum += loss;
  return tape.record(
      Tensor::full({1}, static_cast<float>(sum / static_cast<double>(samples))),
      any_wants_grad(logits),
      [target = logits.target(), gradient, samples](Tape& t, const Tensor& dy) {
        const float scale = dy.f32()[0] / static_cast<float>(samples);
        for (float& value : gradient.span()) value *= scale;
        t.pass(target, target.dtype == DType::kF32 ? gradient : cast(gradient, target.dtype));
      });
}

}  // namespace tessera::ops
