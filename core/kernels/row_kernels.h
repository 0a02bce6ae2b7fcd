// What layer norm and GELU do to rows of activations, apart from tape and threads. The kernels
// exist for several CPUs in one build.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace tessera::ops {

/// Rows [rows, columns] of the forward pass of layer norm. `branch` and `sum` are null without a
/// residual.
template <typename T>
struct NormForward {
  const T* x;
  const T* branch;
  const float* scale;  ///< [rows / rows_per_sample], or null for 1
  T* sum;              ///< gets x + scale * branch
  const float* gamma;
  const float* beta;
  float* stats;  ///< [rows, 2]: mean, 1 / standard deviation
  T* y;
  std::int64_t rows_per_sample;
  std::int64_t columns;
  float eps;
};

/// Rows [rows, columns] of its backward pass. `dx` may be `dy` or `extra`.
template <typename T>
struct NormBackward {
  const T* x;  ///< what was normalised
  const float* stats;
  const float* gamma;
  const T* dy;
  const T* extra;  ///< added to the gradient of x, or null
  T* dx;
  T* dbranch;          ///< scale * dx goes here, or null
  bool accumulate;     ///< add to dbranch instead of writing it
  const float* scale;  ///< [rows / rows_per_sample]
  std::int64_t rows_per_sample;
  std::int64_t columns;
};

template <typename T>
struct RowKernels {
  /// y = x Phi(x); `y` may be `x`.
  void (*gelu)(const T* x, T* y, std::int64_t count);

  /// dx = dy gelu'(x); `dx` may be `dy`.
  void (*gelu_gradient)(const T* x, const T* dy, T* dx, std::int64_t count);

  /// Both of one reading of x, where backward needs the forward result once more.
  void (*gelu_with_gradient)(const T* x, const T* dy, T* y, T* dx, std::int64_t count);

  /// q = x / scale + zero, rounded to nearest (halves up) and cut off at 0 and 255.
  void (*quantize)(const T* x, float inverse_scale, float zero, std::uint8_t* q,
                   std::int64_t count);

  /// The same of x Phi(x).
  void (*gelu_quantize)(const T* x, float inverse_scale, float zero, std::uint8_t* q,
                        std::int64_t count);

  /// Rows [begin, end). `values` [columns] is what a thread works in.
  void (*norm_forward)(const NormForward<T>& args, std::int64_t begin, std::int64_t end,
                       float* values);

  /// Rows [begin, end). `sums` [2, columns]: the gradients of gamma and beta are added to it.
  void (*norm_backward)(const NormBackward<T>& args, std::int64_t begin, std::int64_t end,
                        float* sums);
};

struct AllRowKernels {
  RowKernels<float> f32;
  RowKernels<BF16> bf16;
};

/// The kernels that this CPU runs best, for elements of type T.
template <typename T>
const RowKernels<T>& row_kernels();

}  // namespace tessera::ops
