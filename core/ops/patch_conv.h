// The weight gradient of a convolution as a matrix product over gathered patches.
#pragma once

#include "core/onednn/convolution.h"
#include "core/tape.h"

namespace tessera {

/// What onednn::conv_backward_weights computes, without groups: patches are gathered in slices of
/// rows that stay in the cache until they are multiplied. x [B, H, W, I], dy [B, H', W', O]; a sink
/// may be empty. For kernels wider than oneDNN's fast ones: see bench/convolution.cpp.
void patch_conv_backward_weights(const onednn::ConvGeometry& geometry, const Tensor& x,
                                 const Tensor& dy, const GradSink& dweight, const GradSink& dbias);

}  // namespace tessera
