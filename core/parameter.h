// Learned tensors. Layers own Parameters; a ParameterStore lays all of a model's values in one flat
// buffer and all gradients in another, so that optimizer, norm, EMA and checkpoint are single
// passes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/tensor.h"

namespace tessera {

/// How a parameter starts.
struct Init {
  enum class Kind : std::uint8_t { kZeros, kOnes, kTruncatedNormal, kUniform, kConstant };
  Kind kind = Kind::kZeros;
  float scale = 0.0f;  ///< sigma of the normal, half-width of the uniform, the constant

  static constexpr Init zeros() { return {Kind::kZeros, 0.0f}; }
  static constexpr Init ones() { return {Kind::kOnes, 0.0f}; }
  /// Sigma 0 stands for the model's own: see ParameterStore::initialize.
  static constexpr Init truncated_normal(float sigma = 0.0f) {
    return {Kind::kTruncatedNormal, sigma};
  }
  static constexpr Init uniform(float half_width) { return {Kind::kUniform, half_width}; }
  static constexpr Init constant(float value) { return {Kind::kConstant, value}; }
};

/// One learned tensor, f32. `value` and `grad` are views into the store's flat buffers. What others
/// ask of a parameter is set by the layer that owns it, not read from its name.
struct Parameter {
  Shape shape;
  Init init;
  bool decay = true;          ///< takes part in weight decay; 1-D parameters and tables do not
  bool is_matrix = false;     ///< multiplies what it is applied to: [out, ...], see Muon
  bool reads_pixels = false;  ///< a kernel over the image: [out, channels, height, width]
  bool in_head = false;       ///< belongs to what is learned anew for another task
  int depth = 0;              ///< 1 to L in the blocks, L + 1 after them, 0 before: see lr_scales
  bool frozen = false;        ///< keeps its value: it gets neither gradients nor updates

  Tensor value;
  Tensor grad;
  bool grad_ready = false;  ///< grad holds a sum: the next gradient is added, not written
  int uses = 0;             ///< by the pass that runs, which somebody listens to: see Tape

  Parameter() = default;
  Parameter(const Shape& shape_, Init init_, bool decay_)
      : shape(shape_), init(init_), decay(decay_) {}

  /// A weight that multiplies: it decays.
  static Parameter matrix(const Shape& shape, Init init) {
    Parameter parameter(shape, init, /*decay=*/true);
    parameter.is_matrix = true;
    return parameter;
  }
};

/// What a layer remembers beside its parameters: f32, part of every checkpoint, touched by no
/// optimizer. The running statistics of a batch norm, for one. `value` is a view into the store's
/// flat buffer.
struct Buffer {
  Shape shape;
  float initial = 0.0f;
  Tensor value;

  explicit Buffer(const Shape& shape_, float initial_ = 0.0f) : shape(shape_), initial(initial_) {}
};

/// Walks a tree of layers and names its parameters: `stages.0.blocks.1.attn.qkv.weight`. A layer
/// takes part by `void visit(ParameterVisitor& visitor) { visitor("weight", weight_); ... }`, where
/// its buffers stand beside its parameters.
///
/// The outermost layers are groups, which pictures show as one: `patch_embed`, `stages.0.blocks.1`.
/// A layer that only holds others together makes groups of its members instead: it says
/// `static constexpr bool kMembersAreGroups = true;`.
class ParameterVisitor {
 public:
  virtual ~ParameterVisitor() = default;

  template <typename Member>
  void operator()(std::string_view name, Member& member) {
    const std::size_t length = path_.size();
    if (!path_.empty()) path_ += '.';
    path_ += name;
    descend(member);
    path_.resize(length);
  }

 protected:
  virtual void on_parameter(const std::string& name, Parameter& parameter) = 0;
  virtual void on_buffer(const std::string& /*name*/, Buffer& /*buffer*/) {}

  /// That of the parameter at hand; a parameter outside of all layers is one of its own.
  const std::string& group() const { return group_.empty() ? path_ : group_; }

 private:
  void descend(Parameter& parameter) { on_parameter(path_, parameter); }
  void descend(Buffer& buffer) { on_buffer(path_, buffer); }
  template <typename Member>
  void descend(std::vector<Member>& members) {
    for (std::size_t i = 0; i < members.size(); ++i) (*this)(std::to_string(i), members[i]);
  }
  template <typename Member>
  void descend(std::unique_ptr<Member>& member) {
    if (member != nullptr) descend(*member);
  }
  template <typename Layer>
  void descend(Layer& layer) {
    bool opens = group_.empty();
    if constexpr (requires { Layer::kMembersAreGroups; }) opens = false;
    if (opens) group_ = path_;
    layer.visit(*this);
    if (opens) group_.clear();
  }

  std::string path_;
  std::string group_;
};

/// Calls `body(Parameter&)` for every parameter of `layer`.
template <typename Layer, typename Body>
void for_each_parameter(Layer& layer, Body body) {
  class Caller final : public ParameterVisitor {
   public:
    explicit Caller(Body& body_) : body(body_) {}

   private:
    void on_parameter(const std::string&, Parameter& parameter) override { body(parameter); }
    Body& body;
  };
  Caller caller(body);
  layer.visit(caller);
}

/// Elements [begin, end) of a flat buffer.
struct ElementRange {
  std::int64_t begin;
  std::int64_t end;
};

/// The flat buffers of a model and the table of what lies where.
class ParameterStore {
 public:
  struct Entry {
    std::string name;
    Parameter* parameter;
    std::int64_t offset;  ///< of its first element in the flat buffers; a multiple of 16
    std::string group;    ///< see ParameterVisitor
  };
  struct BufferEntry {
    std::string name;
    Buffer* buffer;
  };

  /// Binds every parameter and buffer of `layer`, which must stay where it is as long as the store
  /// is used.
  template <typename Layer>
  explicit ParameterStore(Layer& layer) {
    Collector collector(entries_, buffers_);
    layer.visit(collector);
    bind();
  }

  /// Draws all values anew, truncated normals that name no sigma with `sigma`. Each parameter's
  /// draws depend only on seed and its name. Buffers get their initial value.
  void initialize(std::uint64_t seed, float sigma = 0.02f);

  /// Marks gradients as empty: the next backward pass overwrites them.
  void clear_gradients();

  /// Zeroes the gradients of parameters that the backward passes since clear_gradients never
  /// reached.
  void complete_gradients();

  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(std::string_view name) const;

  /// Flat f32 buffers [padded_size]; what lies between entries is zero.
  const Tensor& values() const { return values_; }
  const Tensor& grads() const { return grads_; }

  const std::vector<BufferEntry>& buffers() const { return buffers_; }

  /// All buffers of layers, flat f32, at places that depend on their shapes and order alone; empty
  /// if there are none.
  const Tensor& buffer_values() const { return buffer_values_; }

  /// Number of learned scalars, padding not counted.
  std::int64_t count() const;

 private:
  class Collector final : public ParameterVisitor {
   public:
    Collector(std::vector<Entry>& entries, std::vector<BufferEntry>& buffers)
        : entries_(entries), buffers_(buffers) {}

   private:
    void on_parameter(const std::string& name, Parameter& parameter) override {
      entries_.push_back({name, &parameter, 0, group()});
    }
    void on_buffer(const std::string& name, Buffer& buffer) override {
      buffers_.push_back({name, &buffer});
    }
    std::vector<Entry>& entries_;
    std::vector<BufferEntry>& buffers_;
  };

  void bind();
  void bind_buffers();

  std::vector<Entry> entries_;
  std::vector<BufferEntry> buffers_;
  Tensor values_;
  Tensor grads_;
  Tensor buffer_values_;
};

}  // namespace tessera
