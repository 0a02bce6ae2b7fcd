// What differs between oneDNN 2.6 and 3.x: how a primitive descriptor is made.
#pragma once

#include "core/onednn/primitive.h"

namespace tessera::onednn {

#if DNNL_VERSION_MAJOR >= 3
inline dnnl::matmul::primitive_desc matmul_desc(const memory::desc& a, const memory::desc& b,
                                                const memory::desc& bias, const memory::desc& c,
                                                const dnnl::primitive_attr& attributes) {
  if (bias.get_size() == 0) return {engine(), a, b, c, attributes};
  return {engine(), a, b, bias, c, attributes};
}

inline dnnl::convolution_forward::primitive_desc conv_forward_desc(
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

inline dnnl::convolution_backward_data::primitive_desc conv_backward_data_desc(
    const memory::desc& dx, const memory::desc& w, const memory::desc& dy, const Dims& stride,
    const Dims& begin, const Dims& end, const dnnl::convolution_forward::primitive_desc& forward) {
  return {
      engine(),         dnnl::algorithm::convolution_direct, dx, w, dy, stride, begin, end, forward,
      base_attributes()};
}

inline dnnl::convolution_backward_weights::primitive_desc conv_backward_weights_desc(
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
inline dnnl::matmul::primitive_desc matmul_desc(const memory::desc& a, const memory::desc& b,
                                                const memory::desc& bias, const memory::desc& c,
                                                const dnnl::primitive_attr& attributes) {
  const auto desc =
      bias.get_size() == 0 ? dnnl::matmul::desc(a, b, c) : dnnl::matmul::desc(a, b, bias, c);
  return {desc, attributes, engine()};
}

inline dnnl::convolution_forward::primitive_desc conv_forward_desc(
    const memory::desc& x, const memory::desc& w, const memory::desc& bias, const memory::desc& y,
    const Dims& stride, const Dims& begin, const Dims& end) {
  return {dnnl::convolution_forward::desc(dnnl::prop_kind::forward_training,
                                          dnnl::algorithm::convolution_direct, x, w, bias, y,
                                          stride, begin, end),
          base_attributes(), engine()};
}

inline dnnl::convolution_backward_data::primitive_desc conv_backward_data_desc(
    const memory::desc& dx, const memory::desc& w, const memory::desc& dy, const Dims& stride,
    const Dims& begin, const Dims& end, const dnnl::convolution_forward::primitive_desc& forward) {
  return {dnnl::convolution_backward_data::desc(dnnl::algorithm::convolution_direct, dx, w, dy,
                                                stride, begin, end),
          base_attributes(), engine(), forward};
}

inline dnnl::convolution_backward_weights::primitive_desc conv_backward_weights_desc(
    const memory::desc& x, const memory::desc& dw, const memory::desc& dbias,
    const memory::desc& dy, const Dims& stride, const Dims& begin, const Dims& end,
    const dnnl::convolution_forward::primitive_desc& forward) {
  return {dnnl::convolution_backward_weights::desc(dnnl::algorithm::convolution_direct, x, dw,
                                                   dbias, dy, stride, begin, end),
          base_attributes(), engine(), forward};
}
#endif

}  // namespace tessera::onednn
