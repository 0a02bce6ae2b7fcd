#include "formats/weights/resize.h"

#include "core/ops/resize_kernel.h"

namespace tessera {

std::optional<Tensor> resize_kernels(const Tensor& kernels, std::array<std::int64_t, 2> size) {
  const auto vertical = ops::kernel_matrix(kernels.dim(2), size[0]);
  const auto horizontal = ops::kernel_matrix(kernels.dim(3), size[1]);
  if (!vertical || !horizontal) return std::nullopt;
  Tape tape({.training = false});
  return ops::resize_kernel(tape, tape.constant(kernels), *vertical, *horizontal).value;
}

Tensor change_channels(const Tensor& kernels, std::int64_t channels) {
  const std::int64_t old = kernels.dim(1), pixels = kernels.dim(2) * kernels.dim(3);
  const float scale = static_cast<float>(old) / static_cast<float>(channels);
  Tensor changed = Tensor::zeros({kernels.dim(0), channels, kernels.dim(2), kernels.dim(3)});
  for (std::int64_t d = 0; d < kernels.dim(0); ++d) {
    for (std::int64_t c = 0; c < (channels == 1 ? old : channels); ++c) {
      const float* from = kernels.f32() + (d * old + c % old) * pixels;
      float* to = changed.f32() + (d * channels + c % channels) * pixels;
      for (std::int64_t i = 0; i < pixels; ++i) {
        if (channels == 1) {
          to[i] += from[i];
        } else {
          to[i] = scale * from[i];
        }
      }
    }
  }
  return changed;
}

}  // namespace tessera
