// Reverse-mode differentiation. Ops append their backward step to the tape as they run; the order
// of creation is already topological, so backward() is one loop from the end to the start.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <new>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/arena.h"
#include "core/batch_part.h"
#include "core/parameter.h"
#include "core/profile.h"
#include "core/rng.h"
#include "core/tensor.h"

namespace tessera {

/// Where a gradient goes: what backward closures keep of an input whose value they do not need.
struct GradTarget {
  std::int32_t id = -1;
  DType dtype = DType::kF32;
  Shape shape;

  explicit operator bool() const { return id >= 0; }
};

/// A tensor as the tape knows it. Without an id it is a constant and gets no gradient.
struct Var {
  Tensor value;
  std::int32_t id = -1;

  const Shape& shape() const { return value.shape(); }
  std::int64_t dim(int axis) const { return value.dim(axis); }
  explicit operator bool() const { return static_cast<bool>(value); }
  GradTarget target() const { return {id, value.dtype(), value.shape()}; }
};

template <typename... Vars>
bool any_wants_grad(const Vars&... vars) {
  return ((vars.id >= 0) || ...);
}

/// A buffer to put a gradient into: overwritten the first time (beta 0), added to after that.
struct GradSink {
  Tensor grad;
  bool accumulate = false;

  explicit operator bool() const { return static_cast<bool>(grad); }
  float beta() const { return accumulate ? 1.0f : 0.0f; }
};

class PackedWeights;

/// Is told, while a backward pass runs, which gradients are complete by now.
class GradientListener {
 public:
  virtual ~GradientListener() = default;

  /// Nothing of this pass will be added to `parameter.grad` any more.
  virtual void on_gradient(Parameter& parameter) = 0;

  /// After each backward step.
  virtual void on_step() {}
};

struct TapeOptions {
  bool training = true;       ///< false: nothing is recorded, dropout and drop path do nothing
  std::uint64_t seed = 0;     ///< of dropout and drop path
  std::uint64_t step = 0;     ///< their epoch: another step draws other numbers
  std::uint64_t sample = 0;   ///< index of the batch's first sample within the step
  bool check_finite = false;  ///< throw NonFiniteError at the first op with a NaN or infinity
  bool recompute = false;     ///< of blocks keep only what enters: see Tape::recomputed
  BatchPart part{};           ///< of a batch that several processes share
  GradientListener* listener = nullptr;
  Profile* profile = nullptr;
  PackedWeights* packed = nullptr;  ///< keeps what products make of weights; none: made every time
};

class Tape {
 public:
  explicit Tape(const TapeOptions& options = {}) : options_(options) {}
  ~Tape() { reset(options_); }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// Forgets everything recorded, keeps the capacity.
  void reset(const TapeOptions& options);

  const TapeOptions& options() const { return options_; }
  bool training() const { return options_.training; }

  Var constant(Tensor value) const { return {std::move(value), -1}; }

  /// An input whose gradient is wanted: see grad().
  Var leaf(Tensor value);

  /// A learned tensor: its gradient goes straight into `parameter.grad`; none if it is frozen.
  Var parameter(Parameter& parameter);

  /// Appends the backward step of an op with one output: `backward(Tape&, const Tensor& dy)`. It is
  /// dropped unless `needs_grad`; it runs only if a gradient reaches the output.
  template <typename Backward>
  Var record(Tensor output, bool needs_grad, Backward&& backward) {
    return record_all<1>({std::move(output)}, needs_grad, std::forward<Backward>(backward))[0];
  }

  /// The same for an op with N outputs: `backward(Tape&, const Tensor& dy0, const Tensor& dy1,
  /// ...)` where a gradient that never came is an empty tensor.
  template <std::size_t N, typename Backward>
  std::array<Var, N> record_all(std::array<Tensor, N> outputs, bool needs_grad,
                                Backward&& backward);

  /// The outputs of `body(tape, inputs)`, of which nothing is kept for the backward pass but
  /// `inputs`: there the body runs once more, to the same bits, and then backwards. It must depend
  /// on nothing else that changes, and change nothing. Training deep nets with sublinear memory
  /// cost, arXiv:1604.06174.
  template <std::size_t N, std::size_t M, typename Body>
  std::array<Var, N> recomputed(const std::array<Var, M>& inputs, Body body);

  /// Where an op's backward step puts the gradient of an input; empty if none is wanted. Inputs of
  /// an op may be one and the same, so the second sink of a step for one place is a buffer of its
  /// own, which is added when the step is done.
  GradSink sink(const GradTarget& target);

  /// For ops whose gradient is the incoming one: hands `grad` on without a copy where possible.
  void pass(const GradTarget& target, const Tensor& grad);

  /// Runs all backward steps from d(loss) = 1. `loss` has one element.
  void backward(const Var& loss);

  /// After backward(): the gradient of a leaf, or an empty tensor.
  Tensor grad(const Var& leaf) const;

  /// Draws of layer `draw` for sample `sample` of the batch; the same whenever the step is
  /// repeated.
  Rng rng(Stream stream, std::uint32_t draw, std::int64_t sample) const {
    return {options_.seed, stream, options_.step,
            options_.sample + static_cast<std::uint64_t>(options_.part.place(sample)), draw};
  }

 private:
  friend class OpScope;
  friend class Scope;

  struct OpInfo {
    const char* name = "op";
    OpCost cost;
  };
  struct Node {
    void (*run)(void* closure, Tape& tape);
    void (*destroy)(void* closure);
    void* closure;
    OpInfo info;
    std::string scope;  // filled only under check_finite
  };
  struct Slot {
    Tensor grad;
    Parameter* parameter = nullptr;
  };
  struct ScopePart {
    const char* name;
    std::int64_t index;  // -1: none
  };
  struct Use {
    std::size_t position;  // no backward step before it touches the parameter
    Parameter* parameter;
  };
  /// While it lives, ops run and are not recorded.
  class Pause {
   public:
    explicit Pause(Tape& tape) : tape_(tape) { tape_.paused_ = true; }
    ~Pause() { tape_.paused_ = false; }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    Tape& tape_;
  };

  static constexpr const char* kRecomputed = "recomputed";

  Tensor take_grad(std::int32_t id) {
    return std::exchange(slots_[static_cast<std::size_t>(id)].grad, Tensor());
  }
  std::int32_t new_slot();
  const void* place_of(const GradTarget& target) const;
  GradSink open_sink(const GradTarget& target);
  void add_extras();
  void tell_of_gradients();
  void run(Node& node);
  std::string scope_name() const;
  void check_outputs(const Tensor* outputs, std::size_t count) const;
  void check_touched(const Node& node);

  TapeOptions options_;
  std::vector<Slot> slots_;
  std::vector<Node> nodes_;
  Arena arena_;
  std::vector<ScopePart> scopes_;
  std::vector<Use> uses_;  // of parameters, positions rising; kept only for a listener
  bool paused_ = false;
  bool learns_ = false;  // a parameter that is not frozen was taken while paused
  OpInfo current_;
  std::vector<Tensor> touched_;
  std::vector<const void*> open_;                      // places that the present step has sinks of
  std::vector<std::pair<GradTarget, Tensor>> extras_;  // second sinks of a place
};

/// Says which op runs, for messages and for the time by op; the first line of every op.
class OpScope {
 public:
  OpScope(Tape& tape, const char* name, OpCost cost = {}) : tape_(tape) {
    tape.current_ = {name, cost};
    if (tape.options_.profile != nullptr) start_ = seconds_now();
  }
  ~OpScope() {
    if (Profile* profile = tape_.options_.profile) {
      profile->add(tape_.current_.name, seconds_now() - start_, tape_.current_.cost);
    }
  }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

 private:
  Tape& tape_;
  double start_ = 0.0;
};

/// Names the part of the model whose ops run while it lives: `stages.0`, `mlp`.
class Scope {
 public:
  Scope(Tape& tape, const char* name, std::int64_t index = -1) : tape_(tape) {
    tape.scopes_.push_back({name, index});
  }
  ~Scope() { tape_.scopes_.pop_back(); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Tape& tape_;
};

/// Throws NonFiniteError naming `what` if an element of an f32 or bf16 tensor is NaN or infinite.
void check_finite(const Tensor& tensor, std::string_view what);

template <std::size_t N, typename Backward>
std::array<Var, N> Tape::record_all(std::array<Tensor, N> outputs, bool needs_grad,
                                    Backward&& backward) {
  struct Closure {
    std::decay_t<Backward> backward;
    std::array<std::int32_t, N> ids;

    static void run(void* self, Tape& tape) {
      Closure& closure = *static_cast<Closure*>(self);
      std::array<Tensor, N> grads;
      bool any = false;
      for (std::size_t i = 0; i < N; ++i) {
        grads[i] = tape.take_grad(closure.ids[i]);
        any = any || grads[i];
      }
      if (!any) return;
      std::apply([&](auto&... grad) { closure.backward(tape, grad...); }, grads);
    }
    static void destroy(void* self) { static_cast<Closure*>(self)->~Closure(); }
  };
  static_assert(sizeof(Closure) <= Arena::kChunk / 2);

  if (options_.check_finite) check_outputs(outputs.data(), N);
  std::array<Var, N> vars;
  for (std::size_t i = 0; i < N; ++i) vars[i].value = std::move(outputs[i]);
  if (!options_.training || paused_ || !needs_grad) return vars;
  std::array<std::int32_t, N> ids;
  for (std::size_t i = 0; i < N; ++i) ids[i] = vars[i].id = new_slot();
  void* place = arena_.allocate(sizeof(Closure), alignof(Closure));
  new (place) Closure{std::forward<Backward>(backward), ids};
  nodes_.push_back({&Closure::run, &Closure::destroy, place, current_,
                    options_.check_finite ? scope_name() : std::string()});
  return vars;
}

template <std::size_t N, std::size_t M, typename Body>
std::array<Var, N> Tape::recomputed(const std::array<Var, M>& inputs, Body body) {
  if (!options_.training || paused_) return body(*this, inputs);
  std::array<Tensor, N> outputs;
  learns_ = false;
  {
    const Pause pause(*this);
    const std::array<Var, N> vars = body(*this, inputs);
    for (std::size_t i = 0; i < N; ++i) outputs[i] = vars[i].value;
  }
  const bool needs_grad = learns_ || std::any_of(inputs.begin(), inputs.end(),
                                                 [](const Var& var) { return var.id >= 0; });
  current_ = {kRecomputed, {}};
  return record_all<N>(std::move(outputs), needs_grad,
                       [inputs, body = std::move(body),
                        scopes = options_.check_finite ? scopes_ : std::vector<ScopePart>()](
                           Tape& tape, const auto&... dys) mutable {
                         std::swap(tape.scopes_, scopes);
                         const std::array<Var, N> again = body(tape, inputs);
                         std::swap(tape.scopes_, scopes);
                         std::size_t i = 0;
                         const auto hand_on = [&](const Tensor& dy) {
                           const GradTarget target = again[i++].target();
                           if (dy) tape.pass(target, dy);
                         };
                         (hand_on(dys), ...);
                       });
}

}  // namespace tessera
