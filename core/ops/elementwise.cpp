#include "core/ops/elementwise.h"

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/kernels/row_kernels.h"
#include "core/kernels/simd_math.h"
#include "core/parallel.h"

namespace tessera {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

TESSERA_KERNEL void add_range(const float* a, const float* b, float* sum, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] = a[i] + b[i];
}

TESSERA_KERNEL void add_range_bf16(const BF16* a, const BF16* b, BF16* sum, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] = to_bf16(to_f32(a[i]) + to_f32(b[i]));
}

void add_to(const Tensor& a, const Tensor& b, const Tensor& sum) {
  parallel_for(sum.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (sum.dtype() == DType::kF32) {
      add_range(a.f32() + begin, b.f32() + begin, sum.f32() + begin, end - begin);
    } else {
      add_range_bf16(a.data<BF16>() + begin, b.data<BF16>() + begin, sum.data<BF16>() + begin,
                     end - begin);
    }
  });
}

}  // namespace

void add_into(const Tensor& sum, const Tensor& term) { add_to(sum, term, sum); }

namespace ops {

Var add(Tape& tape, const Var& a, const Var& b) {
  if (a.shape() != b.shape() || a.value.dtype() != b.value.dtype()) {
    fail<ShapeError>("[add] {} {} + {} {}", name_of(a.value.dtype()), a.shape(),
                     name_of(b.value.dtype()), b.shape());
  }
  const double count = static_cast<double>(a.value.numel());
  OpScope op(tape, "add", {count, 3.0 * static_cast<double>(a.value.bytes())});
  Tensor sum = Tensor::empty(a.shape(), a.value.dtype());
  add_to(a.value, b.value, sum);
  return tape.record(std::move(sum), any_wants_grad(a, b),
                     [a = a.target(), b = b.target()](Tape& t, const Tensor& dy) {
                       t.pass(a, dy);
                       t.pass(b, dy);
                     });
}

}  // namespace ops

}  // namespace tessera

namespace tessera::ops {
namespace {

constexpr std::int64_t kGrain = 1 << 13;       // elements, where one takes some time
constexpr std::int64_t kCheapGrain = 1 << 14;  // and where it does not

template <typename T>
TESSERA_KERNEL void relu_forward(const T* x, T* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(x[i]);
    store(y[i], value > 0.0f || value != value ? value : 0.0f);  // NaN stays NaN
  }
}

// `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void relu_backward(const T* y, const T* dy, T* dx, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    store(dx[i], load(y[i]) > 0.0f ? load(dy[i]) : 0.0f);
  }
}

template <typename T>
TESSERA_KERNEL void sigmoid_forward(const T* x, float height, T* y, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    store(y[i], height / (1.0f + exp_approx(-load(x[i]))));
  }
}

// dx = dy y (1 - y / height); `dx` may be `dy`.
template <typename T>
TESSERA_KERNEL void sigmoid_backward(const T* y, const T* dy, float height, T* dx,
                                     std::int64_t count) {
  const float inverse = 1.0f / height;
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = load(y[i]);
    store(dx[i], load(dy[i]) * value * (1.0f - value * inverse));
  }
}

// `buffers` [2, columns].
template <typename T>
TESSERA_KERNEL void softmax_forward(const T* x, T* y, std::int64_t rows, std::int64_t columns,
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
TESSERA_KERNEL void softmax_backward(const T* y, const T* dy, T* dx, std::int64_t rows,
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

Var gelu(Tape& tape, const Var& x) {
  OpScope op(
      tape, "gelu",
      {25.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      row_kernels<T>().gelu(x.value.data<T>() + begin, y.data<T>() + begin, end - begin);
    });
  });
  return tape.record(std::move(y), any_wants_grad(x), [x](Tape& t, const Tensor& dy) {
    const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
    with_element_type(dy.dtype(), [&](auto element) {
      using T = decltype(element);
      parallel_for(dy.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        row_kernels<T>().gelu_gradient(x.value.data<T>() + begin, dy.data<T>() + begin,
                                       dx.data<T>() + begin, end - begin);
      });
    });
    t.pass(x.target(), dx);
  });
}

Var relu(Tape& tape, const Var& x) {
  OpScope op(tape, "relu",
             {static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kCheapGrain, [&](std::int64_t begin, std::int64_t end) {
      relu_forward(x.value.data<T>() + begin, y.data<T>() + begin, end - begin);
    });
  });
  return tape.record(y, any_wants_grad(x), [x = x.target(), y](Tape& t, const Tensor& dy) {
    const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
    with_element_type(dy.dtype(), [&](auto element) {
      using T = decltype(element);
      parallel_for(dy.numel(), kCheapGrain, [&](std::int64_t begin, std::int64_t end) {
        relu_backward(y.data<T>() + begin, dy.data<T>() + begin, dx.data<T>() + begin, end - begin);
      });
    });
    t.pass(x, dx);
  });
}

Var sigmoid(Tape& tape, const Var& x, float height) {
  OpScope op(
      tape, "sigmoid",
      {10.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  with_element_type(y.dtype(), [&](auto element) {
    using T = decltype(element);
    parallel_for(y.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      sigmoid_forward(x.value.data<T>() + begin, height, y.data<T>() + begin, end - begin);
    });
  });
  return tape.record(y, any_wants_grad(x), [x = x.target(), y, height](Tape& t, const Tensor& dy) {
    const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
    with_element_type(dy.dtype(), [&](auto element) {
      using T = decltype(element);
      parallel_for(dy.numel(), kGrain, [&](std::int64_t begin, std::int64_t end) {
        sigmoid_backward(y.data<T>() + begin, dy.data<T>() + begin, height, dx.data<T>() + begin,
                         end - begin);
      });
    });
    t.pass(x, dx);
  });
}

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
      softmax_forward(x.value.data<T>() + at, y.data<T>() + at, end - begin, columns,
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
            softmax_backward(y.data<T>() + at, dy.data<T>() + at, dx.data<T>() + at, end - begin,
                             columns, scratch.f32() + 2 * part * columns);
          });
        });
        t.pass(x, dx);
      });
}

}  // namespace tessera::ops
