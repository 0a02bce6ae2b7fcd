#include "core/ops/softmax.h"

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/kernels/simd_math.h"

namespace tessera::ops {
namespace {

// `buffers` [2, columns].
template <typename T>
TESSERA_KERNEL void forward(const T* x, T* y, std::int64_t rows, std::int64_t columns,
                            float* buffers) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    const float* from = read_row(x, buffers, columns);
    float* to = row_target(y, buffers + columns);
    float largest = from[0];
#pragma omp simd reduction(max : largest)
    for (std::int64_t i = 0; i < columns; ++i) largest = from[i] > largest ? from[i] : largest;
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) to[i] = exp_approx(from[i] - largest);
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < columns; ++i) sum += to[i];
    const float inverse = 1.0f / sum;
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) to[i] *= inverse;
    write_row(y, to, columns);
  }
}

// dx = y (dy - sum(dy y)); `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void backward(const T* y, const T* dy, T* dx, std::int64_t rows,
                             std::int64_t columns, float* buffers) {
  for (std::int64_t row = 0; row < rows; ++row, y += columns, dy += columns, dx += columns) {
    const float* values = read_row(y, buffers, columns);
    const float* from = read_row(dy, buffers + columns, columns);
    float* to = row_target(dx, buffers + columns);
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < columns; ++i) sum += from[i] * values[i];
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) to[i] = values[i] * (from[i] - sum);
    write_row(dx, to, columns);
  }
}

}  // namespace

Var softmax(Tape& tape, const Var& x) {
  if (x.shape().rank() < 1 || x.dim(-1) < 1) {
    fail<ShapeError>("[softmax] x {} has no last dimension to normalise", x.shape());
  }
  const std::int64_t rows = x.shape().rows(), columns = x.dim(-1);
  OpScope op(
      tape, "softmax",
      {25.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  const Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  const std::int64_t grain = row_grain(columns);
  const Tensor buffers = Tensor::empty({num_parts(rows, grain), 2, columns});
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_parts(rows, grain, [&](int part, std::int64_t begin, std::int64_t end) {
      const std::int64_t at = begin * columns;
      forward(x.value.data<T>() + at, y.data<T>() + at, end - begin, columns,
              buffers.f32() + 2 * part * columns);
    });
  });
  return tape.record(
      y, any_wants_grad(x), [x = x.target(), y, rows, columns](Tape& t, const Tensor& dy) {
        const std::int64_t step = row_grain(columns);
        const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
        const Tensor scratch = Tensor::empty({num_parts(rows, step), 2, columns});
        with_element_type(dy.dtype(), [&](auto element) {
          using T = decltype(element);
          parallel_parts(rows, step, [&](int part, std::int64_t begin, std::int64_t end) {
            const std::int64_t at = begin * columns;
            backward(y.data<T>() + at, dy.data<T>() + at, dx.data<T>() + at, end - begin, columns,
                     scratch.f32() + 2 * part * columns);
          });
        });
        t.pass(x, dx);
      });
}

}  // namespace tessera::ops
