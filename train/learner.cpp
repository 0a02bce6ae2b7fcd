#include "train/learner.h"

#include <cmath>

#include "core/error.h"
#include "formats/weights/load_weights.h"
#include "optim/clip.h"
#include "optim/update_runs.h"
#include "tasks/make_task.h"
#include "train/averaged_weights.h"

namespace tessera {

Learner::Learner(const Config& config)
    : config_(config), model_(config.model), task_(make_task(config.task, config.model)) {
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

// A classifier is trained and tested at the configured size alone; another one is a mistake.
void Learner::require_size(const Shape& images) const {
  if (config_.model.head.type == HeadType::kLinear) model_.require_configured_size(images);
}

double Learner::run(const Batch& batch, std::int64_t step, std::int64_t sample, bool check,
                    Meter* meter, Profile* profile) {
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
  require_size(images.shape());
  const std::vector<Var> outputs = model_.forward(tape_, tape_.constant(images));
  const Var loss = task_->loss(tape_, outputs, batch);
  const double value = double{loss.value.f32()[0]};
  std::vector<Tensor> values;
  if (meter != nullptr) {
    for (const Var& output : outputs) values.push_back(output.value);
  }
  if (std::isfinite(value)) tape_.backward(loss);
  if (meter != nullptr) meter->add(values, batch);
  return value;
}

UpdateResult Learner::update(std::span<const Batch> batches, std::int64_t step, double lr,
                             Profile* profile) {
  UpdateResult result;
  std::int64_t samples = 0;
  const std::unique_ptr<Meter> meter = task_->training_meter();
  model_.parameters.clear_gradients();
  for (const Batch& batch : batches) {
    const double loss = run(batch, step, samples, false, meter.get(), profile);
    if (!std::isfinite(loss)) fail_not_finite(batches, step, "the loss");
    result.loss += loss / static_cast<double>(batches.size());
    samples += batch.images.dim(0);
  }
  model_.parameters.complete_gradients();
  const double share = 1.0 / static_cast<double>(batches.size());
  const double start = profile != nullptr ? seconds_now() : 0.0;
  result.grad_norm = gradient_norm(model_.parameters) * share;
  if (!std::isfinite(result.grad_norm)) fail_not_finite(batches, step, "the gradient norm");
  const double clip = clip_factor(result.grad_norm, config_.optim.clip_norm);
  optimizer_->step(lr, static_cast<float>(share * clip));
  if (ema_) ema_->update();
  if (profile != nullptr) {
    const auto bytes = static_cast<double>(model_.parameters.values().bytes());
    profile->add("optimizer", seconds_now() - start, {0.0, 8.0 * bytes});
  }
  result.metrics = meter->values();
  return result;
}

// The step is repeated with every op checked: its random numbers depend on its address alone.
void Learner::fail_not_finite(std::span<const Batch> batches, std::int64_t step, const char* what) {
  std::string place = "no single op of a repetition shows where";
  try {
    std::int64_t sample = 0;
    model_.parameters.clear_gradients();
    for (const Batch& batch : batches) {
      run(batch, step, sample, true, nullptr, nullptr);
      sample += batch.images.dim(0);
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
  return outputs(images, profile, trace).front();
}

std::vector<Tensor> Learner::outputs(const Tensor& images, Profile* profile, ModelTrace* trace) {
  tape_.reset({.training = false, .profile = profile, .packed = packed_ ? &*packed_ : nullptr});
  const bool low = config_.train.precision == Precision::kBF16;
  const Tensor input = low ? cast(images, DType::kBF16) : images;
  require_size(input.shape());
  std::vector<Tensor> values;
  for (const Var& output : model_.forward(tape_, tape_.constant(input), trace)) {
    values.push_back(output.value.dtype() == DType::kF32 ? output.value
                                                         : cast(output.value, DType::kF32));
  }
  return values;
}

std::vector<NamedTensor> Learner::evaluated() const {
  std::vector<NamedTensor> tensors = named_values(model_.parameters);
  if (!ema_) return tensors;
  const Tensor averages = ema_->averages();
  const auto& entries = model_.parameters.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    tensors[i].tensor = averages.slice(entries[i].offset, entries[i].parameter->shape);
  }
  return tensors;
}

std::vector<NamedTensor> Learner::state() const {
  std::vector<NamedTensor> tensors = optimizer_->state();
  if (!ema_) return tensors;
  tensors.push_back({kTrainedWeights, model_.parameters.values()});
  for (const NamedTensor& named : ema_->state()) {
    if (named.name != kOldAverages) tensors.push_back(named);
  }
  return tensors;
}

void Learner::restore(const TensorFile& model, const TensorFile& state) {
  load_weights(model, evaluated());
  std::vector<NamedTensor> own = this->state();
  // A run that no longer averages goes on from the weights that it trained.
  if (!ema_ && state.find(kTrainedWeights) != nullptr) {
    own.push_back({kTrainedWeights, model_.parameters.values()});
  }
  restore_tensors(state, own);
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
