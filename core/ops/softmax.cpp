#include "core/ops/softmax.h"

#include "core/error.h"
#include "core/ops/element.h"
#include "core/simd_math.h"

namespace tessera::ops {
namespace {

template <typename T>
TESSERA_KERNEL void forward(const T* x, T* y, std::int64_t rows, std::int64_t columns) {
  for (std::int64_t row = 0; row < rows; ++row, x += columns, y += columns) {
    float largest = load(x[0]);
#pragma omp simd reduction(max : largest)
    for (std::int64_t i = 0; i < columns; ++i) largest = std::max(largest, load(x[i]));
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < columns; ++i) sum += exp_approx(load(x[i]) - largest);
    const float inverse = 1.0f / sum;
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) {
      store(y[i], inverse * exp_approx(load(x[i]) - largest));
    }
  }
}

// dx = y (dy - sum(dy y)); `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void backward(const T* y, const T* dy, T* dx, std::int64_t rows,
                             std::int64_t columns) {
  for (std::int64_t row = 0; row < rows; ++row, y += columns, dy += columns, dx += columns) {
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < columns; ++i) sum += load(dy[i]) * load(y[i]);
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) store(dx[i], load(y[i]) * (load(dy[i]) - sum));
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
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(rows, row_grain(4 * columns), [&](std::int64_t begin, std::int64_t end) {
      forward(x.value.data<T>() + begin * columns, y.data<T>() + begin * columns, end - begin,
              columns);
    });
  });
  return tape.record(
      y, any_wants_grad(x), [x = x.target(), y, rows, columns](Tape& t, const Tensor& dy) {
        const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
        with_element_type(dy.dtype(), [&](auto element) {
          using T = decltype(element);
          parallel_for(rows, row_grain(columns), [&](std::int64_t begin, std::int64_t end) {
            const std::int64_t at = begin * columns;
            backward(y.data<T>() + at, dy.data<T>() + at, dx.data<T>() + at, end - begin, columns);
          });
        });
        t.pass(x, dx);
      });
}

}  // namespace tessera::ops
