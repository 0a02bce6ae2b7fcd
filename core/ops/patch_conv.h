// Convolutions of few channels as matrix products over gathered patches.
#pragma once

#include "core/onednn/convolution.h"
#include "core/tape.h"

namespace tessera {

/// What onednn::conv_forward computes, in slices of rows that stay in the cache between gathering
/// and product. Without groups. x [B, H, W, I], weight [O, I, kh, kw], bias [O] or null, y [B, H',
/// W', O].
void patch_conv_forward(const onednn::ConvGeometry& geometry, const Tensor& x, const Tensor& weight,
                        const float* bias, const Tensor& y);

/// What onednn::conv_backward_weights computes; a sink may be empty.
void patch_conv_backward_weights(const onednn::ConvGeometry& geometry, const Tensor& x,
                                 const Tensor& dy, const GradSink& dweight, const GradSink& dbias);

/// What onednn::conv_backward_data computes.
void patch_conv_backward_data(const onednn::ConvGeometry& geometry, const Tensor& dy,
                              const Tensor& weight, const GradSink& dx);

}  // namespace tessera
