#include "train/learner.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/onednn/quantized_matmul.h"
#include "core/text.h"
#include "formats/weights/load_weights.h"
#include "optim/clip.h"
#include "optim/update_runs.h"
#include "tasks/make_task.h"
#include "train/averaged_weights.h"
#include "train/evaluate.h"
#include "train/teacher.h"

namespace tessera {
namespace {

constexpr const char* kImages = "the batch of images";  // as an error calls it

double elements(std::span<const ElementRange> parts) {
  std::int64_t count = 0;
  for (const ElementRange& part : parts) count += part.end - part.begin;
  return static_cast<double>(count);
}

/// Does `work`, which moves so many `bytes`, and adds to `profile`, if there is one, how long it
/// took.
template <typename Work>
auto timed(Profile* profile, std::string_view name, double bytes, Work work) {
  struct Timing {
    ~Timing() {
      if (profile != nullptr) profile->add(name, seconds_now() - start, {0.0, bytes});
    }
    Profile* profile;
    std::string_view name;
    double bytes, start;
  };
  const Timing timing{profile, name, bytes, profile != nullptr ? seconds_now() : 0.0};
  return work();
}

}  // namespace

Learner::Learner(const Config& config, Communicator& ranks)
    : config_(config),
      ranks_(ranks),
      model_(config.model),
      task_(make_task(config.task, config.model)) {
  freeze_parameters(model_.parameters, config.optim.freeze);
  optimizer_ = make_optimizer(config.optim, model_.parameters, dtype_of(config.train.precision));
  model_.parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  if (config.optim.ema > 0.0) ema_.emplace(model_.parameters, config.optim.ema);
  own_ = {{0, model_.parameters.grads().numel()}};
  if (!ranks_.alone()) sum_up_over_ranks();
}

/// Where all ranks are in one machine, each updates what it adds up, and then they exchange weights
/// in place of sums: as many bytes, and 1 / N of the update. Between machines sums travel while the
/// backward pass runs, which weights cannot.
void Learner::sum_up_over_ranks() {
  const auto sum_to = [&](SumGoesTo place) {
    sum_.emplace(model_.parameters, ranks_, dtype_of(config_.train.wire), place);
    own_ = sum_->own_parts();
  };
  sum_to(SumGoesTo::kParts);
  updates_own_ = ranks_.on_one_machine() && optimizer_->update_only(own_);
  if (!updates_own_) sum_to(SumGoesTo::kAll);
}

void Learner::start_from(const ParameterStore& weights) {
  model_.parameters.values().copy_from(weights.values());
  if (weights.buffer_values()) model_.parameters.buffer_values().copy_from(weights.buffer_values());
  if (ema_) ema_.emplace(model_.parameters, config_.optim.ema);
}

void Learner::follow() {
  std::vector<NamedTensor> tensors = evaluated();
  for (NamedTensor& named : state()) tensors.push_back(std::move(named));
  for (const NamedTensor& named : tensors) {
    ranks_.broadcast({static_cast<std::byte*>(named.tensor.raw()), named.tensor.bytes()});
  }
}

void Learner::gather_state() {
  if (!updates_own_) return;
  for (const NamedTensor& named : optimizer_->state()) {
    if (named.tensor.numel() == model_.parameters.grads().numel()) {
      sum_->exchange_parts(named.tensor);
    }
  }
}

// A classifier is trained and tested at the configured size alone; another one is a mistake.
void Learner::require_size(const Shape& images) const {
  if (config_.model.head.type == HeadType::kLinear) model_.require_configured_size(images);
}

double Learner::run(const Batch& batch, const Pass& pass) {
  BatchPart part;
  // The others do not take part in a repetition.
  if (!ranks_.alone() && !pass.check) part = {&ranks_, batch.whole, batch.places};
  tape_.reset({.training = true,
               .seed = config_.train.seed,
               .step = static_cast<std::uint64_t>(pass.step),
               .sample = static_cast<std::uint64_t>(pass.sample),
               .check_finite = pass.check,
               .recompute = config_.train.recompute == Recompute::kBlocks,
               .part = part,
               .listener = sum_ && pass.last ? &*sum_ : nullptr,
               .profile = pass.profile});
  if (pass.check) check_finite(batch.images, kImages);
  const DType dtype =
      config_.train.precision == Precision::kBF16 ? DType::kBF16 : batch.images.dtype();
  const Tensor images = batch.images.dtype() == dtype ? batch.images : cast(batch.images, dtype);
  require_size(images.shape());
  model_.draw_patch(config_.train.seed, static_cast<std::uint64_t>(pass.step));
  const std::vector<Var> outputs = model_.forward(tape_, tape_.constant(images));
  model_.rest_patch();
  Var loss = task_->loss(tape_, outputs, batch);
  if (teacher_) loss = teacher_->guide(tape_, loss, outputs.front(), batch.images);
  const double value = double{loss.value.f32()[0]};
  std::vector<Tensor> values;
  if (pass.meter != nullptr) {
    for (const Var& output : outputs) values.push_back(output.value);
  }
  // Other ranks cannot know that a loss is not finite before they have it from the gradients.
  if (std::isfinite(value) || part.peers != nullptr) tape_.backward(loss);
  if (pass.meter != nullptr) pass.meter->add(values, batch);
  return value;
}

UpdateResult Learner::update(std::span<const Batch> batches, std::int64_t step, double lr,
                             Profile* profile) {
  double loss = 0.0;
  std::unique_ptr<Meter> meter = task_->training_meter();
  Pass pass{.step = step, .meter = meter.get(), .profile = profile};
  model_.parameters.clear_gradients();
  if (sum_) sum_->begin();
  for (const Batch& batch : batches) {
    pass.last = &batch == &batches.back();
    const double one = run(batch, pass);
    if (!std::isfinite(one) && ranks_.alone()) fail_not_finite(batches, step, "the loss");
    loss += one / static_cast<double>(batches.size());
    pass.sample += ranks_.alone() ? batch.size() : batch.whole;
  }
  complete_gradients(profile);
  const double own_bytes = elements(own_) * sizeof(float);
  double squares = timed(profile, "gradient norm", own_bytes,
                         [&] { return gradient_squares(model_.parameters, own_); });
  add_up(loss, squares, meter);
  if (!std::isfinite(loss)) fail_not_finite(batches, step, "the loss");
  const double share = 1.0 / static_cast<double>(batches.size());
  const double norm = std::sqrt(squares) * share;
  if (!std::isfinite(norm)) fail_not_finite(batches, step, "the gradient norm");
  const double grad_scale = share * clip_factor(norm, config_.optim.clip_norm);
  timed(profile, "optimizer", 7.0 * own_bytes,
        [&] { optimizer_->step(lr, static_cast<float>(grad_scale)); });
  if (updates_own_) {
    timed(profile, "exchanging weights", 0.0,
          [&] { sum_->exchange_parts(model_.parameters.values()); });
  }
  if (ema_) {
    const auto bytes = static_cast<double>(model_.parameters.values().bytes());
    timed(profile, "averaging weights", 3.0 * bytes, [&] { ema_->update(); });
  }
  return {.loss = loss, .grad_norm = norm, .metrics = meter->values()};
}

void Learner::complete_gradients(Profile* profile) {
  model_.parameters.complete_gradients();
  if (sum_) timed(profile, "waiting for gradients", 0.0, [&] { sum_->finish(); });
}

/// Makes of `loss`, of the gradients' `squares` and of what `meter` has counted those of all ranks.
void Learner::add_up(double& loss, double& squares, std::unique_ptr<Meter>& meter) {
  if (ranks_.alone()) return;
  const std::vector<double> sums = ranks_.sum({{loss, squares}});
  loss = sums[0];
  squares = sums[1];
  meter = merged(ranks_, *meter, [&] { return task_->training_meter(); });
}

// The step is repeated with every op checked: its random numbers depend on its address alone.
void Learner::fail_not_finite(std::span<const Batch> batches, std::int64_t step, const char* what) {
  std::string place = "no single op of a repetition shows where";
  bool found = false;
  try {
    Pass pass{.step = step, .check = true};
    model_.parameters.clear_gradients();
    for (const Batch& batch : batches) {
      run(batch, pass);
      pass.sample += ranks_.alone() ? batch.size() : batch.whole;
    }
  } catch (const NonFiniteError& error) {
    place = error.what();
    found = true;
  }
  if (!ranks_.alone()) {
    const std::vector<std::string> places = ranks_.gather_bytes(found ? place : "");
    const auto first = std::ranges::find_if(places, [](const auto& text) { return !text.empty(); });
    if (first != places.end()) {
      place = fmt::format("on rank {}: {}", first - places.begin(), *first);
    }
  }
  const char* way_out = place.find(kImages) == std::string::npos
                            ? "lower optim.lr, lengthen the warm-up or set optim.clip_norm"
                            : "look at data.normalize";
  fail<NonFiniteError>(
      "step {}: {} is not finite: {}; the weights are still those of the step "
      "before: {}",
      step, what, place, way_out);
}

Tensor Learner::predict(const Tensor& images, Profile* profile, ModelTrace* trace) {
  return outputs(images, profile, trace).front();
}

std::vector<Tensor> Learner::outputs(const Tensor& images, Profile* profile, ModelTrace* trace) {
  return answer(images, {}, profile, trace);
}

std::vector<Tensor> Learner::outputs(const Batch& batch) {
  return answer(batch.images, batch.samples, nullptr, nullptr);
}

std::vector<Tensor> Learner::answer(const Tensor& images, std::span<const std::int64_t> samples,
                                    Profile* profile, ModelTrace* trace) {
  tape_.reset({.training = false,
               .seed = config_.train.seed,
               .part = {.places = samples},
               .profile = profile,
               .packed = packed_ ? &*packed_ : nullptr});
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
  for (const auto& [name, code] : codes_) {
    packed_->quantize(model_.parameters.find(name)->parameter->value, code);
  }
}

void Learner::evaluate_only() {
  begin_evaluation();
  optimizer_.reset();
  ema_.reset();  // the model holds the averages
}

bool Learner::quantize(const Quantization& codes) {
  for (const auto& [name, code] : codes) {
    const ParameterStore::Entry* entry = model_.parameters.find(name);
    const bool fits =
        entry != nullptr && entry->parameter->shape.rank() == 2 &&
        entry->parameter->shape[0] == static_cast<std::int64_t>(code.weight_scales.size());
    if (!fits) fail<CheckpointError>("[quantize] {}: codes are of another model", quoted(name));
  }
  if (!onednn::has_native_int8()) return false;
  codes_ = codes;
  if (packed_) {
    end_evaluation();
    begin_evaluation();
  }
  return true;
}

void Learner::end_evaluation() {
  packed_.reset();
  if (ema_) ema_->swap();
}

}  // namespace tessera
