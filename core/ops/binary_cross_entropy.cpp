#include "core/ops/binary_cross_entropy.h"

#include <cmath>

#include "core/ops/row_loss.h"

namespace tessera::ops {
namespace {

// Neither exponential overflows:
//   loss = max(z, 0) - q z + log(1 + exp(-|z|)),   d loss / d z = s(z) - q
// A certain answer that is right costs nothing, also at a logit of infinity, where q z is no
// number.
double element(double z, double q, double* dz) {
  const double e = std::exp(-std::abs(z));
  *dz = (z >= 0.0 ? 1.0 : e) / (1.0 + e) - q;
  const double linear = z >= 0.0 ? (q == 1.0 ? 0.0 : (1.0 - q) * z) : (q == 0.0 ? 0.0 : -q * z);
  return linear + std::log1p(e);
}

}  // namespace

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
                             loss += element(double{load(z[k])}, double{q[k]}, &dz);
                             g[k] = static_cast<float>(dz * share);
                           }
                           return loss * share;
                         });
}

}  // namespace tessera::ops
