#include "core/onednn/primitives.h"

#include <fmt/format.h>

#include <array>
#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "core/parallel.h"
#include "core/tensor.h"

namespace tessera::onednn {
namespace {

using dnnl::memory;
using Dims = memory::dims;

dnnl::engine& engine() {
  static dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

// Streams and primitives belong to a thread: an op may run on both threads at once, or once on
// each.
dnnl::stream& stream() {
  thread_local dnnl::stream instance(engine());
  return instance;
}

memory::data_type type_of(DType dtype) {
  return dtype == DType::kBF16 ? memory::data_type::bf16 : memory::data_type::f32;
}

// One scratchpad a thread, as large as the largest yet: primitives of a thread run one at a time.
void* scratchpad(std::size_t bytes) {
  thread_local Tensor memory;
  if (!memory || memory.bytes() < bytes) {
    memory = Tensor();
    memory = Tensor::empty({static_cast<std::int64_t>(bytes + 3) / 4});
  }
  return memory.raw();
}

/// A primitive with its memory objects, whose pointers are set before each run.
class Primitive {
 public:
  Primitive() = default;
  Primitive(const dnnl::primitive& primitive, const memory::desc& scratchpad)
      : primitive_(primitive), scratchpad_bytes_(scratchpad.get_size()) {
    if (scratchpad_bytes_ > 0) add(DNNL_ARG_SCRATCHPAD, scratchpad);
  }

  void add(int argument, const memory::desc& description) {
    memories_.emplace_back(description, engine(), nullptr);
    arguments_.at(count_++) = {argument, memories_.back().get()};
  }

  explicit operator bool() const { return count_ > 0; }

  /// `pointers` in the order of the add() calls.
  void run(std::initializer_list<const void*> pointers) {
    std::size_t next = 0;
    if (scratchpad_bytes_ > 0) memories_[next++].set_data_handle(scratchpad(scratchpad_bytes_));
    for (const void* pointer : pointers) {
      memories_[next++].set_data_handle(const_cast<void*>(pointer));
    }
    dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive_.get(), stream().get(),
                                                   static_cast<int>(count_), arguments_.data()),
                            "oneDNN could not run a primitive");
  }

 private:
  dnnl::primitive primitive_;
  std::size_t scratchpad_bytes_ = 0;
  std::vector<memory> memories_;
  std::array<dnnl_exec_arg_t, 6> arguments_{};
  std::size_t count_ = 0;
};

// ---- What differs between oneDNN 2.x and 3.x: how a primitive descriptor is made. ----

dnnl::primitive_attr base_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

#if DNNL_VERSION_MAJOR >= 3
void append_gelu(dnnl::post_ops& ops) {
  ops.append_eltwise(dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
}

dnnl::matmul::primitive_desc matmul_desc(const memory::desc& a, const memory::desc& b,
                                         const memory::desc& bias, const memory::desc& c,
                                         const dnnl::primitive_attr& attributes) {
  if (bias.get_size() == 0) return {engine(), a, b, c, attributes};
  return {engine(), a, b, bias, c, attributes};
}

dnnl::convolution_forward::primitive_desc conv_forward_desc(
    const memory::desc& x, const memory::desc& w, const memory::desc& bias, const memory::desc& y,
    const Dims& stride, const Dims& begin, const Dims& end) {
  return {engine(),
          dnnl::prop_kind::forward_training,
          dnnl::algorithm::convolution_direct,
          x,
          w,
          bias,
          y,
          stride,
          begin,
          end,
          base_attributes()};
}

dnnl::convolution_backward_data::primitive_desc conv_backward_data_desc(
    const memory::desc& dx, const memory::desc& w, const memory::desc& dy, const Dims& stride,
    const Dims& begin, const Dims& end, const dnnl::convolution_forward::primitive_desc& forward) {
  return {
      engine(),         dnnl::algorithm::convolution_direct, dx, w, dy, stride, begin, end, forward,
      base_attributes()};
}

dnnl::convolution_backward_weights::primitive_desc conv_backward_weights_desc(
    const memory::desc& x, const memory::desc& dw, const memory::desc& dbias,
    const memory::desc& dy, const Dims& stride, const Dims& begin, const Dims& end,
    const dnnl::convolution_forward::primitive_desc& forward) {
  return {engine(),
          dnnl::algorithm::convolution_direct,
          x,
          dw,
          dbias,
          dy,
          stride,
          begin,
          end,
          forward,
          base_attributes()};
}
#else
void append_gelu(dnnl::post_ops& ops) {
  ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_gelu_erf, 0.0f, 0.0f);
}

dnnl::matmul::primitive_desc matmul_desc(const memory::desc& a, const memory::desc& b,
                                         const memory::desc& bias, const memory::desc& c,
                                         const dnnl::primitive_attr& attributes) {
  const auto desc =
      bias.get_size() == 0 ? dnnl::matmul::desc(a, b, c) : dnnl::matmul::desc(a, b, bias, c);
  return {desc, attributes, engine()};
}

dnnl::convolution_forward::primitive_desc conv_forward_desc(
    const memory::desc& x, const memory::desc& w, const memory::desc& bias, const memory::desc& y,
    const Dims& stride, const Dims& begin, const Dims& end) {
  return {dnnl::convolution_forward::desc(dnnl::prop_kind::forward_training,
                                          dnnl::algorithm::convolution_direct, x, w, bias, y,
                                          stride, begin, end),
          base_attributes(), engine()};
}

dnnl::convolution_backward_data::primitive_desc conv_backward_data_desc(
    const memory::desc& dx, const memory::desc& w, const memory::desc& dy, const Dims& stride,
    const Dims& begin, const Dims& end, const dnnl::convolution_forward::primitive_desc& forward) {
  return {dnnl::convolution_backward_data::desc(dnnl::algorithm::convolution_direct, dx, w, dy,
                                                stride, begin, end),
          base_attributes(), engine(), forward};
}

dnnl::convolution_backward_weights::primitive_desc conv_backward_weights_desc(
    const memory::desc& x, const memory::desc& dw, const memory::desc& dbias,
    const memory::desc& dy, const Dims& stride, const Dims& begin, const Dims& end,
    const dnnl::convolution_forward::primitive_desc& forward) {
  return {dnnl::convolution_backward_weights::desc(dnnl::algorithm::convolution_direct, x, dw,
                                                   dbias, dy, stride, begin, end),
          base_attributes(), engine(), forward};
}
#endif

// ---- The cache. ----

using Key = std::array<std::int64_t, 20>;

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::uint64_t hash = 0x9e3779b97f4a7c15u;
    for (const std::int64_t part : key) {
      hash = (hash ^ static_cast<std::uint64_t>(part)) * 0xff51afd7ed558ccdu;
      hash ^= hash >> 32;
    }
    return static_cast<std::size_t>(hash);
  }
};

template <typename Value>
using Cache = std::unordered_map<Key, Value, KeyHash>;

// A primitive made for both threads must not serve a part that runs on one, nor the reverse.
std::int64_t thread_key() { return num_parts(1 << 20, 1); }

// ---- Matmul. ----

memory::desc matrix_desc(std::int64_t batch, std::int64_t rows, std::int64_t columns,
                         bool transposed, DType dtype) {
  const Dims strides =
      transposed ? Dims{rows * columns, 1, rows} : Dims{rows * columns, columns, 1};
  if (batch == 1) return {{rows, columns}, type_of(dtype), Dims{strides[1], strides[2]}};
  return {{batch, rows, columns}, type_of(dtype), strides};
}

Primitive make_matmul(const Matmul& args) {
  const memory::desc a = matrix_desc(args.batch, args.m, args.k, args.a_transposed, args.a_dtype);
  const memory::desc b = matrix_desc(args.batch, args.k, args.n, args.b_transposed, args.b_dtype);
  const memory::desc c = matrix_desc(args.batch, args.m, args.n, false, args.c_dtype);
  memory::desc bias;
  if (args.bias != nullptr) {
    bias = args.batch == 1
               ? memory::desc({1, args.n}, memory::data_type::f32, Dims{args.n, 1})
               : memory::desc({1, 1, args.n}, memory::data_type::f32, Dims{args.n, args.n, 1});
  }
  dnnl::primitive_attr attributes = base_attributes();
  dnnl::post_ops post_ops;
  if (args.accumulate) post_ops.append_sum(1.0f);
  if (args.gelu) append_gelu(post_ops);
  attributes.set_post_ops(post_ops);
  const auto desc = matmul_desc(a, b, bias, c, attributes);
  Primitive primitive(dnnl::matmul(desc), desc.scratchpad_desc());
  primitive.add(DNNL_ARG_SRC, a);
  primitive.add(DNNL_ARG_WEIGHTS, b);
  primitive.add(DNNL_ARG_DST, c);
  if (args.bias != nullptr) primitive.add(DNNL_ARG_BIAS, bias);
  return primitive;
}

// ---- Convolution. ----

/// A convolution pass. The library may want the weights in a layout or type of its own: then they
/// are reordered on the way in (forward, data) or out (weights).
struct Conv {
  Primitive primitive;
  Primitive reorder;
  std::int64_t packed_floats = 0;
};

enum class Pass : std::int64_t { kForward, kData, kWeights };

struct ConvDescs {
  memory::desc x, w_plain, w_any, dw_any, bias, y;
  Dims stride, begin, end;
};

ConvDescs describe(const ConvGeometry& g, bool bias) {
  const auto f32 = memory::data_type::f32;
  const auto type = type_of(g.dtype);
  const auto nhwc = memory::format_tag::nhwc;
  ConvDescs d;
  d.x = {{g.batch, g.in_channels, g.in_size[0], g.in_size[1]}, type, nhwc};
  d.y = {{g.batch, g.out_channels, g.out_size[0], g.out_size[1]}, type, nhwc};
  const std::int64_t in = g.in_channels / g.groups;
  const Dims w = g.groups == 1
                     ? Dims{g.out_channels, in, g.kernel[0], g.kernel[1]}
                     : Dims{g.groups, g.out_channels / g.groups, in, g.kernel[0], g.kernel[1]};
  d.w_plain = {w, f32, g.groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw};
  d.w_any = {w, type, memory::format_tag::any};
  d.dw_any = {w, f32, memory::format_tag::any};
  if (bias) d.bias = {{g.out_channels}, f32, memory::format_tag::x};
  d.stride = {g.stride[0], g.stride[1]};
  d.begin = {g.pad_begin[0], g.pad_begin[1]};
  d.end = {g.pad_end[0], g.pad_end[1]};
  return d;
}

Primitive make_reorder(const memory::desc& from, const memory::desc& to) {
  const dnnl::reorder::primitive_desc desc(engine(), from, engine(), to, base_attributes());
  Primitive primitive(dnnl::reorder(desc), desc.scratchpad_desc());
  primitive.add(DNNL_ARG_FROM, from);
  primitive.add(DNNL_ARG_TO, to);
  return primitive;
}

Conv make_conv(const ConvGeometry& geometry, Pass pass, bool bias) {
  const ConvDescs d = describe(geometry, bias);
  const auto forward = conv_forward_desc(d.x, d.w_any, d.bias, d.y, d.stride, d.begin, d.end);
  Conv conv;
  memory::desc weights;
  if (pass == Pass::kForward) {
    weights = forward.weights_desc();
    conv.primitive = Primitive(dnnl::convolution_forward(forward), forward.scratchpad_desc());
    conv.primitive.add(DNNL_ARG_SRC, d.x);
    conv.primitive.add(DNNL_ARG_WEIGHTS, weights);
    conv.primitive.add(DNNL_ARG_DST, d.y);
    if (bias) conv.primitive.add(DNNL_ARG_BIAS, d.bias);
  } else if (pass == Pass::kData) {
    const auto desc = conv_backward_data_desc(d.x, d.w_any, d.y, d.stride, d.begin, d.end, forward);
    weights = desc.weights_desc();
    conv.primitive = Primitive(dnnl::convolution_backward_data(desc), desc.scratchpad_desc());
    conv.primitive.add(DNNL_ARG_DIFF_DST, d.y);
    conv.primitive.add(DNNL_ARG_WEIGHTS, weights);
    conv.primitive.add(DNNL_ARG_DIFF_SRC, d.x);
  } else {
    const auto desc =
        conv_backward_weights_desc(d.x, d.dw_any, d.bias, d.y, d.stride, d.begin, d.end, forward);
    weights = desc.diff_weights_desc();
    conv.primitive = Primitive(dnnl::convolution_backward_weights(desc), desc.scratchpad_desc());
    conv.primitive.add(DNNL_ARG_SRC, d.x);
    conv.primitive.add(DNNL_ARG_DIFF_DST, d.y);
    conv.primitive.add(DNNL_ARG_DIFF_WEIGHTS, weights);
    if (bias) conv.primitive.add(DNNL_ARG_DIFF_BIAS, d.bias);
  }
  if (weights != d.w_plain) {
    conv.packed_floats = static_cast<std::int64_t>(weights.get_size() + 3) / 4;
    conv.reorder = pass == Pass::kWeights ? make_reorder(weights, d.w_plain)
                                          : make_reorder(d.w_plain, weights);
  }
  return conv;
}

Conv& conv_for(const ConvGeometry& g, Pass pass, bool bias) {
  thread_local Cache<Conv> cache;
  const Key key = {static_cast<std::int64_t>(pass),
                   bias,
                   thread_key(),
                   g.batch,
                   g.in_channels,
                   g.out_channels,
                   g.groups,
                   g.in_size[0],
                   g.in_size[1],
                   g.out_size[0],
                   g.out_size[1],
                   g.kernel[0],
                   g.kernel[1],
                   g.stride[0],
                   g.stride[1],
                   g.pad_begin[0],
                   g.pad_begin[1],
                   g.pad_end[0],
                   g.pad_end[1],
                   static_cast<std::int64_t>(g.dtype)};
  Conv& conv = cache[key];
  if (!conv.primitive) conv = make_conv(g, pass, bias);
  return conv;
}

/// Weights in the layout that `conv` reads; `buffer` keeps a reordered copy alive.
const void* packed(Conv& conv, const float* weight, Tensor& buffer) {
  if (!conv.reorder) return weight;
  buffer = Tensor::empty({conv.packed_floats});
  conv.reorder.run({weight, buffer.raw()});
  return buffer.raw();
}

}  // namespace

void matmul(const Matmul& args) {
  thread_local Cache<Primitive> cache;
  const Key key = {args.batch,
                   args.m,
                   args.n,
                   args.k,
                   args.a_transposed,
                   args.b_transposed,
                   static_cast<std::int64_t>(args.a_dtype),
                   static_cast<std::int64_t>(args.b_dtype),
                   static_cast<std::int64_t>(args.c_dtype),
                   args.bias != nullptr,
                   args.accumulate,
                   args.gelu,
                   thread_key()};
  Primitive& primitive = cache[key];
  if (!primitive) primitive = make_matmul(args);
  if (args.bias != nullptr) {
    primitive.run({args.a, args.b, args.c, args.bias});
  } else {
    primitive.run({args.a, args.b, args.c});
  }
}

void conv_forward(const ConvGeometry& geometry, const void* x, const float* weight,
                  const float* bias, void* y) {
  Conv& conv = conv_for(geometry, Pass::kForward, bias != nullptr);
  Tensor buffer;
  const void* w = packed(conv, weight, buffer);
  if (bias != nullptr) {
    conv.primitive.run({x, w, y, bias});
  } else {
    conv.primitive.run({x, w, y});
  }
}

void conv_backward_data(const ConvGeometry& geometry, const void* dy, const float* weight,
                        void* dx) {
  Conv& conv = conv_for(geometry, Pass::kData, false);
  Tensor buffer;
  conv.primitive.run({dy, packed(conv, weight, buffer), dx});
}

void conv_backward_weights(const ConvGeometry& geometry, const void* x, const void* dy,
                           float* dweight, float* dbias) {
  Conv& conv = conv_for(geometry, Pass::kWeights, dbias != nullptr);
  Tensor buffer;
  float* dw = dweight;
  if (conv.reorder) {
    buffer = Tensor::empty({conv.packed_floats});
    dw = buffer.f32();
  }
  if (dbias != nullptr) {
    conv.primitive.run({x, dy, dw, dbias});
  } else {
    conv.primitive.run({x, dy, dw});
  }
  if (conv.reorder) conv.reorder.run({dw, dweight});
}

std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
}

bool has_native_bf16() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

}  // namespace tessera::onednn
