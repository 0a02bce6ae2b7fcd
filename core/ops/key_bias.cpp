#include "core/ops/key_bias.h"

#include <algorithm>

#include "core/error.h"

namespace tessera::ops {
namespace {

void clear_keys(const Tensor& bias) {
  const std::int64_t channels = bias.dim(0) / 3;
  std::fill_n(bias.f32() + channels, channels, 0.0f);
}

}  // namespace

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
