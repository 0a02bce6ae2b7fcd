#include "core/ops/detection_losses.h"

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/kernels/element.h"
#include "core/kernels/simd_math.h"

namespace tessera::ops {
namespace {

constexpr std::int64_t kChunk = 1 << 12;  // elements whose losses are summed apart

/// Runs `chunk(begin, end, d)`, which returns the loss of elements [begin, end) of x and leaves
/// d loss / d x in d, f32 from the first of them on; records the sum over `divisor`.
template <typename Chunk>
Var record_sum(Tape& tape, const char* name, const Var& x, double divisor, const Chunk& chunk) {
  if (!(divisor > 0.0)) fail<ShapeError>("[{}] divisor {} is not positive", name, divisor);
  OpScope op(
      tape, name,
      {40.0 * static_cast<double>(x.value.numel()), 2.0 * static_cast<double>(x.value.bytes())});
  const std::int64_t count = x.value.numel(), chunks = (count + kChunk - 1) / kChunk;
  const Tensor gradient = Tensor::empty(x.shape());
  std::vector<double> losses(static_cast<std::size_t>(chunks));
  parallel_for(chunks, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t begin = i * kChunk;
      losses[static_cast<std::size_t>(i)] =
          chunk(begin, std::min(count, begin + kChunk), gradient.f32() + begin);
    }
  });
  double sum = 0.0;
  for (const double loss : losses) sum += loss;
  return tape.record(
      Tensor::full({1}, static_cast<float>(sum / divisor)), any_wants_grad(x),
      [target = x.target(), gradient, divisor](Tape& t, const Tensor& dy) {
        const auto scale = static_cast<float>(double{dy.f32()[0]} / divisor);
        parallel_for(gradient.numel(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
          float* d = gradient.f32();
          for (std::int64_t i = begin; i < end; ++i) d[i] *= scale;
        });
        t.pass(target, target.dtype == DType::kF32 ? gradient : cast(gradient, target.dtype));
      });
}

void check_rows(const char* op, const Shape& x, const char* what, const Tensor& given,
                const Shape& wanted) {
  if (given.dtype() != DType::kF32 || given.numel() != wanted.numel() ||
      (given.rank() == wanted.rank() && given.shape() != wanted)) {
    fail<ShapeError>("[{}] {} {} {} do not fit {}: they must be f32 {}", op, what,
                     name_of(given.dtype()), given.shape(), x, wanted);
  }
}

// With q = z where the class is there and -z elsewhere, p = s(q), L = log(1 + e^-|q|):
//   log p = min(q, 0) - L,  log(1 - p) = -max(q, 0) - L,
//   loss = a (1 - p)^gamma (-log p),  dloss / dq = a (1 - p)^gamma (gamma p log p - (1 - p))
template <typename T>
TESSERA_KERNEL double focal_chunk(const T* z, const float* sign, const float* weight,
                                  float alpha_there, float alpha_else, float gamma,
                                  std::int64_t count, float* d) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < count; ++i) {
    const float q = sign[i] * load(z[i]);
    const float positive = q > 0.0f ? q : 0.0f;
    const float e = exp_approx(q - positive - positive);
    const float l = log1p_of_unit(e);
    const float log_p = q - positive - l;
    const float p = (q > 0.0f ? 1.0f : e) / (1.0f + e);
    const float other = (q > 0.0f ? e : 1.0f) / (1.0f + e);
    const float power = exp_approx(gamma * (-positive - l));
    const float scale = weight[i] * (sign[i] > 0.0f ? alpha_there : alpha_else) * power;
    sum += static_cast<double>(-scale * log_p);
    d[i] = sign[i] * scale * (gamma * p * log_p - other);
  }
  return sum;
}

// signs [count] of elements [begin, ...): 1 where the class is there, else -1.
void signs_of(const Tensor& targets, std::int64_t classes, std::int64_t begin, std::int64_t count,
              float* signs) {
  if (targets.dtype() == DType::kF32) {
    const float* target = targets.f32() + begin;
    for (std::int64_t i = 0; i < count; ++i) signs[i] = 2.0f * target[i] - 1.0f;
    return;
  }
  std::fill_n(signs, count, -1.0f);
  const std::int32_t* label = targets.data<std::int32_t>();
  for (std::int64_t row = begin / classes; row * classes < begin + count; ++row) {
    const std::int64_t at = row * classes + label[row] - begin;
    if (label[row] >= 0 && at >= 0 && at < count) signs[at] = 1.0f;
  }
}

// weights [count] of elements [begin, ...), those of a row of `classes` alike.
void weights_of(const Tensor& weights, std::int64_t classes, std::int64_t begin, std::int64_t count,
                float* to) {
  if (!weights) {
    std::fill_n(to, count, 1.0f);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) to[i] = weights.f32()[(begin + i) / classes];
}

// Whether there is a target for each of as many equal parts of every row.
bool fit_anchors(const Shape& z, std::int64_t targets) {
  return z.rows() > 0 && targets > 0 && targets % z.rows() == 0 &&
         z[-1] % (targets / z.rows()) == 0;
}

void check_focal(const Shape& z, const Tensor& targets, const Tensor& weights) {
  const char* const op = "sigmoid_focal_loss";
  if (z.rank() < 1 || z[-1] < 1) fail<ShapeError>("[{}] logits {} are not [..., K]", op, z);
  if (targets.dtype() == DType::kF32 && targets.shape() == z) {
    for (const float target : targets.span()) {
      if (target != 0.0f && target != 1.0f) {
        fail<DataError>("[{}] target {} is neither 0 nor 1", op, target);
      }
    }
    if (weights) check_rows(op, z, "weights", weights, Shape{z.rows()});
    return;
  }
  if (targets.dtype() != DType::kI32 || !fit_anchors(z, targets.numel())) {
    fail<ShapeError>(
        "[{}] targets {} {} do not fit logits {}: they must be i32, one class a row of {} or an "
        "equal part of it, or f32 {}",
        op, name_of(targets.dtype()), targets.shape(), z, z[-1], z);
  }
  if (weights) check_rows(op, z, "weights", weights, targets.shape());
  const std::int64_t classes = z.numel() / targets.numel();
  for (const std::int32_t label : targets.span<std::int32_t>()) {
    if (label >= classes) fail<DataError>("[{}] class {} is not below {}", op, label, classes);
  }
}

// Ties of the larger and the smaller share the gradient.
double share(double a, double b) { return a < b ? 1.0 : a > b ? 0.0 : 0.5; }

// The loss of one box a of l, t, r, b against b, and its gradient. Widths first, then heights:
//   size = near + far, overlap = min(near, near') + min(far, far'), span = max + max.
double box_row(const std::array<double, 4>& a, const float* b, BoxLoss kind,
               std::array<double, 4>& d) {
  constexpr double kEps = 1e-7;
  double size_a[2], size_b[2], overlap[2], span[2];
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const double near = double{b[axis]}, far = double{b[axis + 2]};
    size_a[axis] = a[axis] + a[axis + 2];
    size_b[axis] = near + far;
    overlap[axis] = std::min(a[axis], near) + std::min(a[axis + 2], far);
    span[axis] = std::max(a[axis], near) + std::max(a[axis + 2], far);
  }
  const bool meet = overlap[0] > 0.0 && overlap[1] > 0.0;
  const double inter = meet ? overlap[0] * overlap[1] : 0.0;
  const double both = size_a[0] * size_a[1] + size_b[0] * size_b[1] - inter;
  const double hull = span[0] * span[1];
  const double iou = inter / (both + kEps);
  const bool general = kind == BoxLoss::kGiou;
  const double gap = general ? (hull - both) / (hull + kEps) : 0.0;
  // Of the loss by I, by U and by C.
  const double by_inter = -1.0 / (both + kEps);
  const double by_both = iou / (both + kEps) - (general ? 1.0 / (hull + kEps) : 0.0);
  const double by_hull = general ? (1.0 - gap) / (hull + kEps) : 0.0;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t other = 1 - i % 2;
    const double inside = share(a[i], double{b[i]});
    const double d_inter = meet ? inside * overlap[other] : 0.0;
    const double d_both = size_a[other] - d_inter;
    const double d_hull = (1.0 - inside) * span[other];
    d[i] = by_inter * d_inter + by_both * d_both + by_hull * d_hull;
  }
  return 1.0 - iou + gap;
}

}  // namespace

Var sigmoid_focal_loss(Tape& tape, const Var& logits, const Tensor& targets, double divisor,
                       const FocalLossConfig& config) {
  check_focal(logits.shape(), targets, config.weights);
  const bool weighted = config.alpha >= 0.0f;
  const float there = weighted ? config.alpha : 1.0f, elsewhere = weighted ? 1.0f - there : 1.0f;
  const std::int64_t classes =
      targets.dtype() == DType::kI32 ? logits.value.numel() / targets.numel() : logits.dim(-1);
  return record_sum(tape, "sigmoid_focal_loss", logits, divisor,
                    [&](std::int64_t begin, std::int64_t end, float* d) {
                      std::array<float, kChunk> signs, weights;
                      signs_of(targets, classes, begin, end - begin, signs.data());
                      weights_of(config.weights, classes, begin, end - begin, weights.data());
                      double sum = 0.0;
                      with_element_type(logits.value.dtype(), [&](auto element) {
                        using T = decltype(element);
                        sum = focal_chunk(logits.value.data<T>() + begin, signs.data(),
                                          weights.data(), there, elsewhere, config.gamma,
                                          end - begin, d);
                      });
                      return sum;
                    });
}

Var box_loss(Tape& tape, const Var& boxes, const Tensor& targets, const Tensor& weights,
             double divisor, BoxLoss kind) {
  const char* const op = kind == BoxLoss::kGiou ? "giou_loss" : "iou_loss";
  const Shape& shape = boxes.shape();
  if (shape.rank() < 1 || shape[-1] != 4) {
    fail<ShapeError>("[{}] boxes {} are not [..., 4]: left, top, right, bottom", op, shape);
  }
  check_rows(op, shape, "targets", targets, shape);
  check_rows(op, shape, "weights", weights, Shape{shape.rows()});
  return record_sum(tape, op, boxes, divisor, [&](std::int64_t begin, std::int64_t end, float* d) {
    std::fill_n(d, end - begin, 0.0f);
    double sum = 0.0;
    for (std::int64_t at = begin; at < end; at += 4, d += 4) {
      const double weight = double{weights.f32()[at / 4]};
      if (weight == 0.0) continue;
      std::array<double, 4> box{}, slope{};
      with_element_type(boxes.value.dtype(), [&](auto element) {
        using T = decltype(element);
        for (std::size_t i = 0; i < 4; ++i) {
          box[i] = double{load(boxes.value.data<T>()[at + std::int64_t(i)])};
        }
      });
      sum += weight * box_row(box, targets.f32() + at, kind, slope);
      for (std::size_t i = 0; i < 4; ++i) {
        d[i] = static_cast<float>(weight * slope[i]);
      }
    }
    return sum;
  });
}

Var l1_loss(Tape& tape, const Var& x, const Tensor& targets, const Tensor& weights,
            double divisor) {
  const char* const op = "l1_loss";
  check_rows(op, x.shape(), "targets", targets, Shape{x.value.numel()});
  if (weights.dtype() != DType::kF32 || weights.numel() == 0 ||
      x.value.numel() % weights.numel() != 0) {
    fail<ShapeError>("[{}] weights {} {} are not f32 of equal runs of {}", op,
                     name_of(weights.dtype()), weights.shape(), x.shape());
  }
  const std::int64_t run = x.value.numel() / weights.numel();
  return record_sum(tape, op, x, divisor, [&](std::int64_t begin, std::int64_t end, float* d) {
    double sum = 0.0;
    with_element_type(x.value.dtype(), [&](auto element) {
      using T = decltype(element);
      for (std::int64_t i = begin; i < end; ++i, ++d) {
        *d = 0.0f;
        const float weight = weights.f32()[i / run];
        if (weight == 0.0f) continue;
        const float gap = load(x.value.data<T>()[i]) - targets.f32()[i];
        sum += double{weight} * std::abs(double{gap});
        *d = gap > 0.0f ? weight : gap < 0.0f ? -weight : gap;
      }
    });
    return sum;
  });
}

Var weighted_binary_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets,
                                  const Tensor& weights, double divisor) {
  const char* const op = "weighted_binary_cross_entropy";
  check_rows(op, logits.shape(), "targets", targets, Shape{logits.value.numel()});
  check_rows(op, logits.shape(), "weights", weights, Shape{logits.value.numel()});
  return record_sum(tape, op, logits, divisor, [&](std::int64_t begin, std::int64_t end, float* d) {
    double sum = 0.0;
    with_element_type(logits.value.dtype(), [&](auto element) {
      using T = decltype(element);
      for (std::int64_t i = begin; i < end; ++i, ++d) {
        *d = 0.0f;
        const double weight = double{weights.f32()[i]};
        if (weight == 0.0) continue;
        const double z = double{load(logits.value.data<T>()[i])};
        const double q = double{targets.f32()[i]}, e = std::exp(-std::abs(z));
        sum += weight * (std::max(z, 0.0) - q * z + std::log1p(e));
        *d = static_cast<float>(weight * ((z >= 0.0 ? 1.0 : e) / (1.0 + e) - q));
      }
    });
    return sum;
  });
}

}  // namespace tessera::ops
