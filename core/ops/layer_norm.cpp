#include "core/ops/layer_norm.h"

#include <cmath>

#include "core/error.h"
#include "core/ops/dropout.h"
#include "core/ops/element.h"

namespace tessera::ops {
namespace {

/// Rows [rows, columns] of the forward pass. `branch` and `sum` are null without a residual.
template <typename T>
struct ForwardRows {
  const T* x;
  const T* branch;
  const float* scale;  // [rows / rows_per_sample], or null for 1
  T* sum;
  const float* gamma;
  const float* beta;
  float* stats;  // [rows, 2]: mean, 1 / standard deviation
  T* y;
  std::int64_t rows_per_sample;
  std::int64_t columns;
  float eps;
};

// row = x + scale * branch, or x without a branch. Returns the sum of its elements.
template <typename T>
TESSERA_INLINE float read_sum(const T* x, const T* branch, float scale, std::int64_t columns,
                              float* row) {
  float total = 0.0f;
  if (branch != nullptr) {
#pragma omp simd reduction(+ : total)
    for (std::int64_t i = 0; i < columns; ++i) {
      row[i] = load(x[i]) + scale * load(branch[i]);
      total += row[i];
    }
  } else {
#pragma omp simd reduction(+ : total)
    for (std::int64_t i = 0; i < columns; ++i) {
      row[i] = load(x[i]);
      total += row[i];
    }
  }
  return total;
}

// `values` [columns] holds the row in f32.
template <typename T>
TESSERA_KERNEL void forward(const ForwardRows<T>& args, std::int64_t begin, std::int64_t end,
                            float* values) {
  const std::int64_t columns = args.columns;
  const float* gamma = args.gamma;
  const float* beta = args.beta;
  const float inverse = 1.0f / static_cast<float>(columns);
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t at = row * columns;
    const T* branch = args.branch == nullptr ? nullptr : args.branch + at;
    const float scale = args.scale == nullptr ? 1.0f : args.scale[row / args.rows_per_sample];
    const float mean = inverse * read_sum(args.x + at, branch, scale, columns, values);
    if (branch != nullptr) {
      T* sum = args.sum + at;
#pragma omp simd
      for (std::int64_t i = 0; i < columns; ++i) store(sum[i], values[i]);
    }
    float variance = 0.0f;
#pragma omp simd reduction(+ : variance)
    for (std::int64_t i = 0; i < columns; ++i) {
      variance += (values[i] - mean) * (values[i] - mean);
    }
    const float rstd = 1.0f / std::sqrt(variance * inverse + args.eps);
    T* y = args.y + at;
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) {
      store(y[i], (values[i] - mean) * rstd * gamma[i] + beta[i]);
    }
    args.stats[2 * row] = mean;
    args.stats[2 * row + 1] = rstd;
  }
}

/// Rows [rows, columns] of the backward pass. `dx` may be `dy` or `extra`.
template <typename T>
struct BackwardRows {
  const T* x;  // what was normalised
  const float* stats;
  const float* gamma;
  const T* dy;
  const T* extra;  // added to the gradient of x, or null
  T* dx;
  T* dbranch;          // scale * dx goes here, or null
  bool accumulate;     // add to dbranch instead of writing it
  const float* scale;  // [rows / rows_per_sample]
  std::int64_t rows_per_sample;
  std::int64_t columns;
};

// dx = (extra +) dy gamma rstd - offset - (x - mean) rstd slope.
TESSERA_INLINE void input_gradient(const float* x, const float* dy, const float* gamma,
                                   const float* extra, float mean, float rstd, float offset,
                                   float slope, std::int64_t columns, float* dx) {
  if (extra != nullptr) {
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) {
      dx[i] = extra[i] + (dy[i] * gamma[i] * rstd - offset - (x[i] - mean) * rstd * slope);
    }
  } else {
#pragma omp simd
    for (std::int64_t i = 0; i < columns; ++i) {
      dx[i] = dy[i] * gamma[i] * rstd - offset - (x[i] - mean) * rstd * slope;
    }
  }
}

// With n = (x - mean) rstd and g = dy gamma: dx = rstd (g - mean(g) - n mean(g n)). `sums`
// [2, columns] gathers the gradients of gamma and beta; `buffers` [4, columns].
template <typename T>
TESSERA_KERNEL void backward(const BackwardRows<T>& args, std::int64_t begin, std::int64_t end,
                             float* sums, float* buffers) {
  const std::int64_t columns = args.columns;
  const float* gamma = args.gamma;
  float* dgamma = sums;
  float* dbeta = sums + columns;
  const float inverse = 1.0f / static_cast<float>(columns);
  for (std::int64_t row = begin; row < end; ++row) {
    const std::int64_t at = row * columns;
    const float* x = read_row(args.x + at, buffers, columns);
    const float* dy = read_row(args.dy + at, buffers + columns, columns);
    const float mean = args.stats[2 * row];
    const float rstd = args.stats[2 * row + 1];
    float sum_g = 0.0f, sum_gn = 0.0f;
#pragma omp simd reduction(+ : sum_g, sum_gn)
    for (std::int64_t i = 0; i < columns; ++i) {
      const float normed = (x[i] - mean) * rstd;
      dgamma[i] += dy[i] * normed;
      dbeta[i] += dy[i];
      sum_g += dy[i] * gamma[i];
      sum_gn += dy[i] * gamma[i] * normed;
    }
    const float* extra =
        args.extra == nullptr ? nullptr : read_row(args.extra + at, buffers + 2 * columns, columns);
    float* dx = row_target(args.dx + at, buffers + columns);
    input_gradient(x, dy, gamma, extra, mean, rstd, sum_g * inverse * rstd, sum_gn * inverse * rstd,
                   columns, dx);
    write_row(args.dx + at, dx, columns);
    if (args.dbranch != nullptr) {
      const float scale = args.scale[row / args.rows_per_sample];
      float* dbranch = row_target(args.dbranch + at, buffers + 3 * columns);
      const float* before =
          args.accumulate ? read_row(args.dbranch + at, buffers + 3 * columns, columns) : nullptr;
#pragma omp simd
      for (std::int64_t i = 0; i < columns; ++i) {
        dbranch[i] = (before != nullptr ? before[i] : 0.0f) + scale * dx[i];
      }
      write_row(args.dbranch + at, dbranch, columns);
    }
  }
}

/// What both backward passes keep.
struct Saved {
  Tensor x;
  Tensor stats;
  Tensor gamma;
  GradTarget dgamma;
  GradTarget dbeta;
};

// Adds up what each part has gathered, in the order of the parts.
void write_parameter_gradient(const Tensor& partial, std::int64_t which, const GradSink& sink) {
  const std::int64_t columns = partial.dim(-1);
  float* to = sink.grad.f32();
  if (!sink.accumulate) std::fill_n(to, columns, 0.0f);
  for (std::int64_t part = 0; part < partial.dim(0); ++part) {
    const float* from = partial.f32() + (2 * part + which) * columns;
    for (std::int64_t i = 0; i < columns; ++i) to[i] += from[i];
  }
}

/// Gradient of what was normalised into `dx`, of gamma and beta into their sinks, and `scale * dx`
/// into `dbranch` where there is one.
void run_backward(Tape& tape, const Saved& saved, const Tensor& dy, const Tensor& extra,
                  const Tensor& dx, const GradSink& dbranch, const Tensor& scale) {
  const std::int64_t columns = saved.x.dim(-1);
  const std::int64_t rows = saved.x.shape().rows();
  const std::int64_t grain = row_grain(columns);
  const int parts = num_parts(rows, grain);
  const Tensor partial = Tensor::zeros({parts, 2, columns});
  const Tensor buffers = Tensor::empty({parts, 4, columns});
  with_element_type(saved.x.dtype(), [&](auto element) {
    using T = decltype(element);
    const BackwardRows<T> args{
        .x = saved.x.data<T>(),
        .stats = saved.stats.f32(),
        .gamma = saved.gamma.f32(),
        .dy = dy.data<T>(),
        .extra = extra ? extra.data<T>() : nullptr,
        .dx = dx.data<T>(),
        .dbranch = dbranch ? dbranch.grad.template data<T>() : nullptr,
        .accumulate = dbranch.accumulate,
        .scale = scale ? scale.f32() : nullptr,
        .rows_per_sample = scale ? rows / std::max<std::int64_t>(1, scale.numel()) : rows,
        .columns = columns};
    parallel_parts(rows, grain, [&](int part, std::int64_t begin, std::int64_t end) {
      backward(args, begin, end, partial.f32() + 2 * part * columns,
               buffers.f32() + 4 * part * columns);
    });
  });
  if (const GradSink sink = tape.sink(saved.dgamma)) write_parameter_gradient(partial, 0, sink);
  if (const GradSink sink = tape.sink(saved.dbeta)) write_parameter_gradient(partial, 1, sink);
}

/// Normalises `x + scale * branch`, which goes to `sum`, or `x` alone if `branch` is empty.
void run_forward(const Tensor& x, const Tensor& branch, const Tensor& scale, const Tensor& sum,
                 const Var& gamma, const Var& beta, float eps, const Tensor& stats,
                 const Tensor& y) {
  const std::int64_t columns = x.dim(-1);
  const std::int64_t rows = x.shape().rows();
  const std::int64_t grain = row_grain(columns);
  const Tensor values = Tensor::empty({num_parts(rows, grain), columns});
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    const ForwardRows<T> args{
        .x = x.data<T>(),
        .branch = branch ? branch.data<T>() : nullptr,
        .scale = scale ? scale.f32() : nullptr,
        .sum = branch ? sum.data<T>() : nullptr,
        .gamma = gamma.value.f32(),
        .beta = beta.value.f32(),
        .stats = stats.f32(),
        .y = y.data<T>(),
        .rows_per_sample = scale ? rows / std::max<std::int64_t>(1, scale.numel()) : rows,
        .columns = columns,
        .eps = eps};
    parallel_parts(rows, grain, [&](int part, std::int64_t begin, std::int64_t end) {
      forward(args, begin, end, values.f32() + part * columns);
    });
  });
}

void check_layer_norm(const Var& x, const Var& gamma, const Var& beta) {
  if (x.shape().rank() < 1 || x.dim(-1) < 1) {
    fail<ShapeError>("[layer_norm] x {} has no last dimension to normalise", x.shape());
  }
  if (gamma.shape() != Shape{x.dim(-1)} || beta.shape() != Shape{x.dim(-1)}) {
    fail<ShapeError>("[layer_norm] gamma {} and beta {} must be [{}], the last dimension of x {}",
                     gamma.shape(), beta.shape(), x.dim(-1), x.shape());
  }
}

OpCost cost(const Tensor& x, double passes) {
  return {8.0 * static_cast<double>(x.numel()), passes * static_cast<double>(x.bytes())};
}

}  // namespace

Var layer_norm(Tape& tape, const Var& x, const Var& gamma, const Var& beta, float eps) {
  check_layer_norm(x, gamma, beta);
  OpScope op(tape, "layer_norm", cost(x.value, 2.0));
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  const Tensor stats = Tensor::empty({x.shape().rows(), 2});
  run_forward(x.value, {}, {}, {}, gamma, beta, eps, stats, y);
  return tape.record(std::move(y), any_wants_grad(x, gamma, beta),
                     [saved = Saved{x.value, stats, gamma.value, gamma.target(), beta.target()},
                      target = x.target()](Tape& t, const Tensor& dy) {
                       const Tensor dx = dy.unique() ? dy : Tensor::empty(dy.shape(), dy.dtype());
                       run_backward(t, saved, dy, {}, dx, {}, {});
                       t.pass(target, dx);
                     });
}

std::array<Var, 2> add_layer_norm(Tape& tape, const Var& x, const Var& branch, const Tensor& scale,
                                  const Var& gamma, const Var& beta, float eps) {
  check_residual("add_layer_norm", x, branch, scale);
  check_layer_norm(x, gamma, beta);
  OpScope op(tape, "add_layer_norm", cost(x.value, 4.0));
  Tensor sum = Tensor::empty(x.shape(), x.value.dtype());
  Tensor y = Tensor::empty(x.shape(), x.value.dtype());
  const Tensor stats = Tensor::empty({x.shape().rows(), 2});
  run_forward(x.value, branch.value, scale, sum, gamma, beta, eps, stats, y);
  return tape.record_all<2>(
      {sum, std::move(y)}, any_wants_grad(x, branch, gamma, beta),
      [saved = Saved{sum, stats, gamma.value, gamma.target(), beta.target()}, dx = x.target(),
       dbranch = branch.target(), scale](Tape& t, const Tensor& d_sum, const Tensor& d_normed) {
        if (!d_normed) return pass_residual(t, d_sum, scale, dx, dbranch);
        const GradSink sink = scale ? t.sink(dbranch) : GradSink{};
        const Tensor total = d_sum.unique()      ? d_sum
                             : d_normed.unique() ? d_normed
                                                 : Tensor::empty(saved.x.shape(), saved.x.dtype());
        run_backward(t, saved, d_normed, d_sum, total, sink, scale);
        t.pass(dx, total);
        if (!scale) t.pass(dbranch, total);
      });
}

}  // namespace tessera::ops
