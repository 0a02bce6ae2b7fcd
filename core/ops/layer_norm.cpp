#include "core/error.h"
#include "core/kernels/element.h"
#include "core/kernels/row_kernels.h"
#include "core/ops/dropout.h"
#include "core/ops/norms.h"

namespace tessera::ops {
namespace {

/// What both backward passes keep.
struct SavedNorm {
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
void run_backward(Tape& tape, const SavedNorm& saved, const Tensor& dy, const Tensor& extra,
                  const Tensor& dx, const GradSink& dbranch, const Tensor& scale) {
  const std::int64_t columns = saved.x.dim(-1);
  const std::int64_t rows = saved.x.shape().rows();
  const std::int64_t grain = row_grain(columns);
  const int parts = num_parts(rows, grain);
  const Tensor partial = Tensor::zeros({parts, 2, columns});
  with_element_type(saved.x.dtype(), [&](auto element) {
    using T = decltype(element);
    const NormBackward<T> args{
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
      row_kernels<T>().norm_backward(args, begin, end, partial.f32() + 2 * part * columns);
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
    const NormForward<T> args{
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
      row_kernels<T>().norm_forward(args, begin, end, values.f32() + part * columns);
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
                     [saved = SavedNorm{x.value, stats, gamma.value, gamma.target(), beta.target()},
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
      [saved = SavedNorm{sum, stats, gamma.value, gamma.target(), beta.target()}, dx = x.target(),
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
