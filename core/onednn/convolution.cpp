#include "core/onednn/convolution.h"

#include <algorithm>

#include "core/onednn/bf16_copies.h"
#include "core/onednn/primitive_descs.h"
#include "core/tensor.h"

namespace tessera::onednn {
namespace {

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

bool needs_copies(const ConvGeometry& geometry) {
  return geometry.dtype == DType::kBF16 && !has_bf16_products();
}

ConvGeometry in_f32(ConvGeometry geometry) {
  geometry.dtype = DType::kF32;
  return geometry;
}

std::int64_t x_elements(const ConvGeometry& g) {
  return g.batch * g.in_channels * g.in_size[0] * g.in_size[1];
}

std::int64_t y_elements(const ConvGeometry& g) {
  return g.batch * g.out_channels * g.out_size[0] * g.out_size[1];
}

}  // namespace

void conv_forward(const ConvGeometry& geometry, const void* x, const float* weight,
                  const float* bias, void* y) {
  if (geometry.batch == 0) return;
  if (needs_copies(geometry)) {
    const F32Copy from(x, DType::kBF16, x_elements(geometry));
    F32Result to(y, DType::kBF16, y_elements(geometry), false);
    conv_forward(in_f32(geometry), from.data(), weight, bias, to.data());
    return to.store();
  }
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
  if (geometry.batch == 0) return;
  if (needs_copies(geometry)) {
    const F32Copy from(dy, DType::kBF16, y_elements(geometry));
    F32Result to(dx, DType::kBF16, x_elements(geometry), false);
    conv_backward_data(in_f32(geometry), from.data(), weight, to.data());
    return to.store();
  }
  Conv& conv = conv_for(geometry, Pass::kData, false);
  Tensor buffer;
  conv.primitive.run({dy, packed(conv, weight, buffer), dx});
}

void conv_backward_weights(const ConvGeometry& geometry, const void* x, const void* dy,
                           float* dweight, float* dbias) {
  if (geometry.batch == 0) {
    const ConvGeometry& g = geometry;
    std::fill_n(dweight, g.out_channels * (g.in_channels / g.groups) * g.kernel[0] * g.kernel[1],
                0.0f);
    if (dbias != nullptr) std::fill_n(dbias, g.out_channels, 0.0f);
    return;
  }
  if (needs_copies(geometry)) {
    const F32Copy inputs(x, DType::kBF16, x_elements(geometry));
    const F32Copy gradients(dy, DType::kBF16, y_elements(geometry));
    return conv_backward_weights(in_f32(geometry), inputs.data(), gradients.data(), dweight, dbias);
  }
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

}  // namespace tessera::onednn
