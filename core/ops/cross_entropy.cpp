#include "core/ops/cross_entropy.h"

#include <cmath>
#include <vector>

#include "core/kernels/simd_math.h"
#include "core/ops/row_loss.h"

namespace tessera::ops {
namespace {

struct RowSums {
  float largest;
  double log_sum;  // log(sum(exp(z - largest)))
};

// p = softmax(z).
template <typename T>
TESSERA_KERNEL RowSums softmax_row(const T* z, float* p, std::int64_t classes) {
  float largest = load(z[0]);
#pragma omp simd reduction(max : largest)
  for (std::int64_t k = 0; k < classes; ++k) largest = std::max(largest, load(z[k]));
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t k = 0; k < classes; ++k) {
    p[k] = exp_approx(load(z[k]) - largest);
    sum += static_cast<double>(p[k]);
  }
  const float inverse = static_cast<float>(1.0 / sum);
#pragma omp simd
  for (std::int64_t k = 0; k < classes; ++k) p[k] *= inverse;
  return {largest, std::log(sum)};
}

void check_labels(const Var& logits, const Tensor& labels) {
  const std::int64_t batch = logits.dim(0), classes = logits.dim(1);
  if (labels.shape() != Shape{batch} || labels.dtype() != DType::kI32) {
    fail<ShapeError>("[cross_entropy] labels {} {} do not fit logits {}: they must be i32 [{}]",
                     name_of(labels.dtype()), labels.shape(), logits.shape(), batch);
  }
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int32_t label = labels.data<std::int32_t>()[b];
    if (label < 0 || label >= classes) {
      fail<DataError>("[cross_entropy] label {} of sample {} is not in [0, {})", label, b, classes);
    }
  }
}

// Neither exponential overflows:
//   loss = max(z, 0) - q z + log(1 + exp(-|z|)),   d loss / d z = s(z) - q
// A certain answer that is right costs nothing, also at a logit of infinity, where q z is no
// number.
double element_loss(double z, double q, double* dz) {
  const double e = std::exp(-std::abs(z));
  *dz = (z >= 0.0 ? 1.0 : e) / (1.0 + e) - q;
  const double linear = z >= 0.0 ? (q == 1.0 ? 0.0 : (1.0 - q) * z) : (q == 0.0 ? 0.0 : -q * z);
  return linear + std::log1p(e);
}

}  // namespace

Var cross_entropy(Tape& tape, const Var& logits, const Tensor& labels, float smoothing) {
  check_logits("cross_entropy", logits.shape());
  check_labels(logits, labels);
  if (!(smoothing >= 0.0f && smoothing <= 1.0f)) {
    fail<ConfigError>("[cross_entropy] smoothing {} is not in [0, 1]", smoothing);
  }
  const std::int64_t classes = logits.dim(1);
  const float spread = smoothing / static_cast<float>(classes);
  return record_row_loss(
      tape, "cross_entropy", logits, [&](std::int64_t b, const auto* z, float* p) {
        const RowSums sums = softmax_row(z, p, classes);
        const std::int64_t label = labels.data<std::int32_t>()[b];
        const double at_label = static_cast<double>(load(z[label]) - sums.largest);
        p[label] -= 1.0f - smoothing;
        double loss = sums.log_sum - (1.0 - static_cast<double>(smoothing)) * at_label;
        if (spread == 0.0f) return loss;
        for (std::int64_t k = 0; k < classes; ++k) {
          loss -= static_cast<double>(spread) * static_cast<double>(load(z[k]) - sums.largest);
          p[k] -= spread;
        }
        return loss;
      });
}

Var soft_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets) {
  check_targets("soft_cross_entropy", logits, targets);
  const std::int64_t classes = logits.dim(1);
  return record_row_loss(
      tape, "cross_entropy", logits, [&](std::int64_t b, const auto* z, float* p) {
        const RowSums sums = softmax_row(z, p, classes);
        const float* q = targets.f32() + b * classes;
        double mass = 0.0, dot = 0.0;
        for (std::int64_t k = 0; k < classes; ++k) {
          mass += static_cast<double>(q[k]);
          if (q[k] == 0.0f) continue;  // a logit of minus infinity is fine there
          dot += static_cast<double>(q[k]) * static_cast<double>(load(z[k]) - sums.largest);
        }
        for (std::int64_t k = 0; k < classes; ++k) p[k] = static_cast<float>(mass) * p[k] - q[k];
        return mass * sums.log_sum - dot;
      });
}

// With z the logits of p over T: loss = T^2 sum(q (log q - log p)), d loss / d logits = T (p - q)
Var distillation(Tape& tape, const Var& logits, const Tensor& teacher, float temperature) {
  check_targets("distillation", logits, teacher);
  if (!(temperature > 0.0f)) {
    fail<ConfigError>("[distillation] temperature {} is not above 0", temperature);
  }
  const std::int64_t classes = logits.dim(1);
  const double scale = double{temperature};
  return record_row_loss(
      tape, "distillation", logits, [&](std::int64_t b, const auto* z, float* p) {
        std::vector<float> room(static_cast<std::size_t>(3 * classes));
        float *const own = room.data(), *const said = own + classes, *const q = said + classes;
        for (std::int64_t k = 0; k < classes; ++k) {
          own[k] = load(z[k]) / temperature;
          said[k] = teacher.f32()[b * classes + k] / temperature;
        }
        const RowSums sums = softmax_row(own, p, classes), others = softmax_row(said, q, classes);
        double loss = 0.0;
        for (std::int64_t k = 0; k < classes; ++k) {
          const double log_p = double{own[k]} - double{sums.largest} - sums.log_sum;
          const double log_q = double{said[k]} - double{others.largest} - others.log_sum;
          if (q[k] > 0.0f) loss += double{q[k]} * (log_q - log_p);
          p[k] = temperature * (p[k] - q[k]);
        }
        return scale * scale * loss;
      });
}

// With f(p) = -(1 - p)^gamma log p and
// g(p) = p f'(p) = gamma p (1 - p)^(gamma - 1) log p - (1 - p)^gamma:
//   loss = sum(q f(p)),   d loss / d z = q g(p) - p sum(q g(p))
Var focal_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets, float gamma) {
  check_targets("focal_cross_entropy", logits, targets);
  if (!(gamma >= 0.0f)) fail<ConfigError>("[focal_cross_entropy] gamma {} is negative", gamma);
  const std::int64_t classes = logits.dim(1);
  const double power = double{gamma};
  return record_row_loss(
      tape, "focal_cross_entropy", logits, [&](std::int64_t b, const auto* z, float* p) {
        const RowSums sums = softmax_row(z, p, classes);
        const float* q = targets.f32() + b * classes;
        const auto log_p = [&](std::int64_t k) {
          return static_cast<double>(load(z[k]) - sums.largest) - sums.log_sum;
        };
        // q g(p); 1 - p without loss of digits.
        const auto slope = [&](std::int64_t k) {
          if (q[k] == 0.0f) return 0.0;
          const double log = log_p(k), rest = -std::expm1(log);
          const double whole = std::pow(rest, power);
          const double tilt =
              rest > 0.0 ? power * std::exp(log) * std::pow(rest, power - 1.0) * log : 0.0;
          return double{q[k]} * (tilt - whole);
        };
        double loss = 0.0, sum = 0.0;
        for (std::int64_t k = 0; k < classes; ++k) {
          if (q[k] == 0.0f) continue;  // a logit of minus infinity is fine there
          loss -= double{q[k]} * std::pow(-std::expm1(log_p(k)), power) * log_p(k);
          sum += slope(k);
        }
        for (std::int64_t k = 0; k < classes; ++k) {
          p[k] = static_cast<float>(slope(k) - double{p[k]} * sum);
        }
        return loss;
      });
}

Var binary_cross_entropy(Tape& tape, const Var& logits, const Tensor& targets) {
  check_targets("binary_cross_entropy", logits, targets);
  const std::int64_t classes = logits.dim(1);
  const double share = 1.0 / static_cast<double>(classes);
  return record_row_loss(tape, "binary_cross_entropy", logits,
                         [&](std::int64_t b, const auto* z, float* g) {
                           const float* q = targets.f32() + b * classes;
                           double loss = 0.0;
                           for (std::int64_t k = 0; k < classes; ++k) {
                             double dz = 0.0;
                             loss += element_loss(double{load(z[k])}, double{q[k]}, &dz);
                             g[k] = static_cast<float>(dz * share);
                           }
                           return loss * share;
                         });
}

}  // namespace tessera::ops
