#include "core/tape.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/ops/elementwise.h"

namespace tessera {
namespace {

// `stages.0.mlp (linear)`, or `linear` outside of any scope.
std::string place(const std::string& scope, const char* op) {
  return scope.empty() ? op : fmt::format("{} ({})", scope, op);
}

}  // namespace

void Tape::reset(const TapeOptions& options) {
  while (!nodes_.empty()) {
    nodes_.back().destroy(nodes_.back().closure);
    nodes_.pop_back();
  }
  slots_.clear();
  for (const Use& use : uses_) use.parameter->uses = 0;
  uses_.clear();
  touched_.clear();
  open_.clear();
  extras_.clear();
  arena_.reset();
  options_ = options;
}

std::int32_t Tape::new_slot() {
  slots_.emplace_back();
  return static_cast<std::int32_t>(slots_.size()) - 1;
}

Var Tape::leaf(Tensor value) {
  if (!options_.training) return {std::move(value), -1};
  return {std::move(value), new_slot()};
}

Var Tape::parameter(Parameter& parameter) {
  if (!options_.training || parameter.frozen) return {parameter.value, -1};
  if (options_.listener != nullptr) {
    uses_.push_back({nodes_.size(), &parameter});
    ++parameter.uses;
  }
  if (paused_) {
    learns_ = true;
    return {parameter.value, -1};
  }
  const std::int32_t id = new_slot();
  slots_[static_cast<std::size_t>(id)].parameter = &parameter;
  return {parameter.value, id};
}

/// A Parameter may stand behind several targets.
const void* Tape::place_of(const GradTarget& target) const {
  const Slot& slot = slots_[static_cast<std::size_t>(target.id)];
  return slot.parameter != nullptr ? static_cast<const void*>(slot.parameter) : &slot;
}

GradSink Tape::sink(const GradTarget& target) {
  if (!target) return {};
  const void* place = place_of(target);
  GradSink sink;
  if (std::find(open_.begin(), open_.end(), place) == open_.end()) {
    open_.push_back(place);
    sink = open_sink(target);
  } else {
    sink = {Tensor::empty(target.shape, target.dtype), false};
    extras_.emplace_back(target, sink.grad);
  }
  if (options_.check_finite) touched_.push_back(sink.grad);
  return sink;
}

GradSink Tape::open_sink(const GradTarget& target) {
  Slot& slot = slots_[static_cast<std::size_t>(target.id)];
  if (slot.parameter != nullptr) {
    return {slot.parameter->grad, std::exchange(slot.parameter->grad_ready, true)};
  }
  if (!slot.grad) {
    slot.grad = Tensor::empty(target.shape, target.dtype);
    return {slot.grad, false};
  }
  if (!slot.grad.unique()) slot.grad = slot.grad.clone();
  return {slot.grad, true};
}

void Tape::add_extras() {
  for (const auto& [target, grad] : extras_) add_into(open_sink(target).grad, grad);
  extras_.clear();
  open_.clear();
}

void Tape::pass(const GradTarget& target, const Tensor& grad) {
  if (!target) return;
  Slot& slot = slots_[static_cast<std::size_t>(target.id)];
  if (slot.parameter == nullptr && !slot.grad) {
    slot.grad = grad.reshape(target.shape);
    if (options_.check_finite) touched_.push_back(grad);
    return;
  }
  const GradSink destination = sink(target);
  if (destination.accumulate) {
    add_into(destination.grad, grad);
  } else {
    destination.grad.copy_from(grad);
  }
}

void Tape::backward(const Var& loss) {
  if (loss.value.numel() != 1)
    fail<ShapeError>("[backward] loss is {}, not a scalar", loss.shape());
  if (loss.id < 0) return;
  const Tensor one = Tensor::full(loss.shape(), 1.0f);
  const DType dtype = loss.value.dtype();
  slots_[static_cast<std::size_t>(loss.id)].grad = dtype == one.dtype() ? one : cast(one, dtype);
  while (!nodes_.empty()) {
    Node node = std::move(nodes_.back());
    nodes_.pop_back();
    run(node);
    if (options_.listener != nullptr) tell_of_gradients();
  }
}

/// What was taken when fewer steps were on the tape than are now may still get a gradient.
void Tape::tell_of_gradients() {
  while (!uses_.empty() && uses_.back().position >= nodes_.size()) {
    Parameter& parameter = *uses_.back().parameter;
    uses_.pop_back();
    if (--parameter.uses == 0) options_.listener->on_gradient(parameter);
  }
  options_.listener->on_step();
}

void Tape::run(Node& node) {
  // The closure's tensors go back to the pool as soon as it has run, whatever happens in it.
  struct Guard {
    Node& node;
    ~Guard() { node.destroy(node.closure); }
  };
  const Guard guard{node};
  const double start = options_.profile != nullptr ? seconds_now() : 0.0;
  node.run(node.closure, *this);
  add_extras();
  if (Profile* profile = options_.profile; profile != nullptr && node.info.name != kRecomputed) {
    // Two gradients, each as dear as the forward pass.
    profile->add(std::string(node.info.name) + " (backward)", seconds_now() - start,
                 {2.0 * node.info.cost.flops, 2.0 * node.info.cost.bytes});
  }
  if (options_.check_finite) check_touched(node);
}

Tensor Tape::grad(const Var& leaf) const {
  if (leaf.id < 0) return {};
  return slots_[static_cast<std::size_t>(leaf.id)].grad;
}

std::string Tape::scope_name() const {
  std::string name;
  for (const ScopePart& part : scopes_) {
    if (!name.empty()) name += '.';
    name += part.name;
    if (part.index >= 0) name += '.' + std::to_string(part.index);
  }
  return name;
}

void Tape::check_outputs(const Tensor* outputs, std::size_t count) const {
  for (std::size_t i = 0; i < count; ++i) {
    tessera::check_finite(outputs[i], place(scope_name(), current_.name) + ", output");
  }
}

void Tape::check_touched(const Node& node) {
  for (const Tensor& grad : touched_) {
    tessera::check_finite(grad, place(node.scope, node.info.name) + ", gradient");
  }
  touched_.clear();
}

void check_finite(const Tensor& tensor, std::string_view what) {
  if (tensor.dtype() == DType::kI32) return;
  const Tensor values = tensor.dtype() == DType::kF32 ? tensor : cast(tensor, DType::kF32);
  const std::span<const float> elements = values.span();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (!std::isfinite(elements[i])) {
      fail<NonFiniteError>("{} has {} at element {} of {}", what, elements[i], i, tensor.shape());
    }
  }
}

}  // namespace tessera
