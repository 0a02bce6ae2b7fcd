#include "report/probes/pixel_gradient.h"

#include <numeric>

namespace tessera::report {
namespace {

/// sum(weights * y), both f32.
Var weighted_sum(Tape& tape, const Var& y, const Tensor& weights) {
  OpScope op(tape, "weighted_sum");
  const std::span<const float> values = y.value.span(), factors = weights.span();
  const double sum = std::inner_product(values.begin(), values.end(), factors.begin(), 0.0);
  return tape.record(Tensor::full({1}, static_cast<float>(sum)), y.id >= 0,
                     [target = y.target(), weights](Tape& t, const Tensor& dy) {
                       const GradSink sink = t.sink(target);
                       if (!sink) return;
                       const float scale = dy.f32()[0], beta = sink.beta();
                       const float* factor = weights.f32();
                       float* grad = sink.grad.f32();
                       for (std::int64_t i = 0; i < weights.numel(); ++i) {
                         grad[i] = scale * factor[i] + (sink.accumulate ? beta * grad[i] : 0.0f);
                       }
                     });
}

}  // namespace

Tensor pixel_gradient(const Tensor& images, const std::function<Var(Tape&, const Var&)>& forward,
                      const std::function<Tensor(const Shape&)>& weights) {
  Tape tape;
  const Var input = tape.leaf(images);
  const Var y = forward(tape, input);
  tape.backward(weighted_sum(tape, y, weights(y.shape())));
  return tape.grad(input);
}

}  // namespace tessera::report
