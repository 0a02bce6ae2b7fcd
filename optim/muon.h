// Updates that move all directions of a weight matrix alike, by the orthogonal matrix near it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "optim/adamw.h"

namespace tessera {

/// U V^T of the singular value decomposition U S V^T of `matrix` [rows, columns] f32, roughly: five
/// steps of the Newton-Schulz iteration x <- (a + b G + c G^2) x with G = x x^T, whose coefficients
/// (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) bring every singular value above
/// a hundredth of the Frobenius norm to between 0.7 and 1.2, and not further. Zeros stay zeros.
/// Products take operands of `dtype`; bf16 does, as the result is rough in any case.
Tensor orthogonalized(const Tensor& matrix, DType dtype);

/// Muon (arXiv:2502.16982), as PyTorch computes it with `adjust_lr_fn="match_rms_adamw"`:
///   m = mu m + (1 - mu) g;  d = m, or with Nesterov mu m + (1 - mu) g
///   p = (1 - lr wd) p - 0.2 lr sqrt(max(rows, columns)) orthogonalized(d)
/// The factor makes updates as large as AdamW's, so that learning rate and weight decay mean the
/// same for both. Matrices are the parameters that are marked so, but for those of the head; the
/// weight of a convolution is the matrix [out, in * kernel]. AdamW updates what is left.
class Muon final : public Optimizer {
 public:
  static constexpr std::int64_t kBuffers = AdamW::kBuffers;  ///< see state_buffers

  /// `products`: see orthogonalized().
  Muon(const OptimConfig& config, const ParameterStore& store, DType products);

  void step(double lr, float grad_scale) override;

  /// As AdamW's; the `exp_avg` of a matrix is m.
  StateTensors state() const override { return rest_.state(); }

 private:
  struct Matrix {
    std::int64_t offset, rows, columns;
    double lr_scale;
  };

  void update(const Matrix& matrix, double lr, float grad_scale) const;

  double momentum_;
  bool nesterov_;
  double weight_decay_;
  DType products_;
  Tensor values_;
  Tensor grads_;
  AdamW rest_;
  Tensor mean_;
  std::vector<Matrix> matrices_;  // those that take longest first
};

}  // namespace tessera
