#include "optim/adamw.h"

#include <cmath>
#include <utility>

namespace tessera {
namespace {

struct AdamFactors {
  float grad_scale;
  float beta1, rest1;  // rest = 1 - beta
  float beta2, rest2;
  float rate;         // lr / (1 - beta1^t)
  float root_factor;  // 1 / sqrt(1 - beta2^t)
  float eps;
};

TESSERA_KERNEL void update(AdamFactors k, float keep, const float* grad, float* mean, float* square,
                           float* value, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float g = k.grad_scale * grad[i];
    const float m = k.beta1 * mean[i] + k.rest1 * g;
    const float v = k.beta2 * square[i] + k.rest2 * g * g;
    mean[i] = m;
    square[i] = v;
    value[i] = keep * value[i] - k.rate * m / (std::sqrt(v) * k.root_factor + k.eps);
  }
}

}  // namespace

AdamW::AdamW(const OptimConfig& config, const ParameterStore& store, std::vector<UpdateRun> runs)
    : betas_(config.betas),
      eps_(config.eps),
      weight_decay_(config.weight_decay),
      values_(store.values()),
      grads_(store.grads()),
      runs_(std::move(runs)),
      mean_(Tensor::zeros(values_.shape())),
      square_(Tensor::zeros(values_.shape())),
      steps_(Tensor::zeros({1}, DType::kI32)) {}

void AdamW::step(double lr, float grad_scale) {
  const double t = ++*steps_.data<std::int32_t>();
  const AdamFactors factors{
      .grad_scale = grad_scale,
      .beta1 = static_cast<float>(betas_[0]),
      .rest1 = static_cast<float>(1.0 - betas_[0]),
      .beta2 = static_cast<float>(betas_[1]),
      .rest2 = static_cast<float>(1.0 - betas_[1]),
      .rate = static_cast<float>(lr / (1.0 - std::pow(betas_[0], t))),
      .root_factor = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(betas_[1], t))),
      .eps = static_cast<float>(eps_)};
  for_each_run(runs_, [&](std::int64_t begin, std::int64_t end, const UpdateRun& run) {
    AdamFactors own = factors;
    own.rate *= static_cast<float>(run.lr_scale);
    const double decayed = run.decay ? lr * run.lr_scale * weight_decay_ : 0.0;
    update(own, static_cast<float>(1.0 - decayed), grads_.f32() + begin, mean_.f32() + begin,
           square_.f32() + begin, values_.f32() + begin, end - begin);
  });
}

bool AdamW::update_only(std::span<const ElementRange> parts) {
  runs_ = runs_within(runs_, parts);
  return true;
}

StateTensors AdamW::state() const {
  return {{"exp_avg", mean_}, {"exp_avg_sq", square_}, {"step", steps_}};
}

}  // namespace tessera
