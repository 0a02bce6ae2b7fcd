#include "optim/sgd.h"

namespace tessera {
namespace {

struct SgdFactors {
  float grad_scale;
  float momentum;
  float rate;
  float direct;  // share of d in the update: 1 with Nesterov
  float along;   // share of the buffer: the momentum with Nesterov
};

TESSERA_KERNEL void update(SgdFactors k, float weight_decay, const float* grad, float* buffer,
                           float* value, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float d = k.grad_scale * grad[i] + weight_decay * value[i];
    const float b = k.momentum * buffer[i] + d;
    buffer[i] = b;
    value[i] -= k.rate * (k.direct * d + k.along * b);
  }
}

}  // namespace

Sgd::Sgd(const OptimConfig& config, const ParameterStore& store)
    : momentum_(config.momentum),
      nesterov_(config.nesterov),
      weight_decay_(config.weight_decay),
      values_(store.values()),
      grads_(store.grads()),
      runs_(update_runs(store, config.layer_decay)),
      buffer_(Tensor::zeros(values_.shape())) {}

void Sgd::step(double lr, float grad_scale) {
  const float momentum = static_cast<float>(momentum_);
  const SgdFactors factors{.grad_scale = grad_scale,
                           .momentum = momentum,
                           .rate = static_cast<float>(lr),
                           .direct = nesterov_ ? 1.0f : 0.0f,
                           .along = nesterov_ ? momentum : 1.0f};
  const float weight_decay = static_cast<float>(weight_decay_);
  for_each_run(runs_, [&](std::int64_t begin, std::int64_t end, const UpdateRun& run) {
    SgdFactors own = factors;
    own.rate *= static_cast<float>(run.lr_scale);
    update(own, run.decay ? weight_decay : 0.0f, grads_.f32() + begin, buffer_.f32() + begin,
           values_.f32() + begin, end - begin);
  });
}

bool Sgd::update_only(std::span<const ElementRange> parts) {
  runs_ = runs_within(runs_, parts);
  return true;
}

StateTensors Sgd::state() const { return {{"momentum", buffer_}}; }

}  // namespace tessera
