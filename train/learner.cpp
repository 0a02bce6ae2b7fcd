#include "train/learner.h"

#include <cmath>

#include "core/error.h"
#include "optim/clip.h"
#include "optim/freeze.h"
#include "tasks/classification/loss.h"
#include "tasks/classification/metrics.h"

namespace tessera {

Learner::Learner(const Config& config) : config_(config), model_(config.model) {
  freeze_parameters(model_.parameters, config.optim.freeze);
  optimizer_ = make_optimizer(config.optim, model_.parameters);
  model_.parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  if (config.optim.ema > 0.0) ema_.emplace(model_.parameters, config.optim.ema);
}

void Learner::start_from(const ParameterStore& weights) {
  model_.parameters.values().copy_from(weights.values());
  if (weights.buffer_values()) model_.parameters.buffer_values().copy_from(weights.buffer_values());
  if (ema_) ema_.emplace(model_.parameters, config_.optim.ema);
}

double Learner::run(const Batch& batch, std::int64_t step, std::int64_t sample, bool check,
                    Tensor* logits, Profile* profile) {
  tape_.reset({.training = true,
               .seed = config_.train.seed,
               .step = static_cast<std::uint64_t>(step),
               .sample = static_cast<std::uint64_t>(sample),
               .check_finite = check,
               .profile = profile});
  if (check) check_finite(batch.images, "the batch of images");
  const DType dtype =
      config_.train.precision == Precision::kBF16 ? DType::kBF16 : batch.images.dtype();
  const Tensor images = batch.images.dtype() == dtype ? batch.images : cast(batch.images, dtype);
  const Var output = model_.network.forward(tape_, tape_.constant(images));
  const Var loss = training_loss(tape_, output, batch, config_.train.loss);
  const double value = double{loss.value.f32()[0]};
  if (logits != nullptr) *logits = output.value;
  if (std::isfinite(value)) tape_.backward(loss);
  return value;
}

UpdateResult Learner::update(std::span<const Batch> batches, std::int64_t step, double lr,
                             Profile* profile) {
  UpdateResult result;
  std::int64_t samples = 0;
  std::int64_t correct = 0;
  model_.parameters.clear_gradients();
  for (const Batch& batch : batches) {
    Tensor logits;
    const double loss = run(batch, step, samples, false, &logits, profile);
    if (!std::isfinite(loss)) explain(batches, step, "the loss");
    result.loss += loss / static_cast<double>(batches.size());
    correct += count_correct(logits, batch.labels);
    samples += batch.labels.dim(0);
  }
  model_.parameters.complete_gradients();
  const double share = 1.0 / static_cast<double>(batches.size());
  const double start = profile != nullptr ? seconds_now() : 0.0;
  result.grad_norm = gradient_norm(model_.parameters) * share;
  if (!std::isfinite(result.grad_norm)) explain(batches, step, "the gradient norm");
  const double clip = clip_factor(result.grad_norm, config_.optim.clip_norm);
  optimizer_->step(lr, static_cast<float>(share * clip));
  if (ema_) ema_->update();
  if (profile != nullptr) {
    const auto bytes = static_cast<double>(model_.parameters.values().bytes());
    profile->add("optimizer", seconds_now() - start, {0.0, 8.0 * bytes});
  }
  result.top1 = static_cast<double>(correct) / static_cast<double>(samples);
  return result;
}

// The step is repeated with every op checked: its random numbers depend on its address alone.
void Learner::explain(std::span<const Batch> batches, std::int64_t step, const char* what) {
  std::string place = "no single op of a repetition shows where";
  try {
    std::int64_t sample = 0;
    model_.parameters.clear_gradients();
    for (const Batch& batch : batches) {
      run(batch, step, sample, true, nullptr, nullptr);
      sample += batch.labels.dim(0);
    }
  } catch (const NonFiniteError& error) {
    place = error.what();
  }
  fail<NonFiniteError>(
      "step {}: {} is not finite: {}; the weights are still those of the step before: lower "
      "optim.lr, lengthen the warm-up or set optim.clip_norm",
      step, what, place);
}

Tensor Learner::predict(const Tensor& images, Profile* profile, ModelTrace* trace) {
  tape_.reset({.training = false, .profile = profile, .packed = packed_ ? &*packed_ : nullptr});
  const bool low = config_.train.precision == Precision::kBF16;
  const Tensor input = low ? cast(images, DType::kBF16) : images;
  const Tensor logits = model_.network.forward(tape_, tape_.constant(input), trace).value;
  return logits.dtype() == DType::kF32 ? logits : cast(logits, DType::kF32);
}

std::vector<NamedTensor> Learner::state() const {
  std::vector<NamedTensor> tensors;
  const auto append = [&](const StateTensors& state) {
    for (const auto& [name, tensor] : state) tensors.push_back({name, tensor});
  };
  append(optimizer_->state());
  if (ema_) append(ema_->state());
  return tensors;
}

void Learner::begin_evaluation() {
  if (ema_) ema_->swap();
  packed_.emplace(model_.parameters.values());
}

void Learner::end_evaluation() {
  packed_.reset();
  if (ema_) ema_->swap();
}

}  // namespace tessera
