// Clipping by the global norm of the gradient.
#pragma once

#include <cstdint>
#include <span>

#include "core/parameter.h"

namespace tessera {

/// In double precision; the order of additions depends on `count` alone.
double sum_of_squares(const float* values, std::int64_t count);

/// The same over the gradients of `parts`, in parallel, with the same bits for any number of
/// threads.
double gradient_squares(const ParameterStore& store, std::span<const ElementRange> parts);

/// Euclidean norm of all gradients together, summed in double precision and with the same bits for
/// any number of threads. NaN or infinite if any gradient is: the caller decides what then.
double gradient_norm(const ParameterStore& store);

/// What gradients of norm `norm` are to be multiplied with so that it is at most `max_norm`:
/// min(1, max_norm / (norm + 1e-6)) as in PyTorch's clip_grad_norm_; 1 if `max_norm` is 0 (off).
/// NaN for a NaN norm. The norm is that of what the optimizer will see: with gradients summed over
/// N batches, `clip_factor(norm / N, max_norm) / N` is the optimizer's grad_scale.
double clip_factor(double norm, double max_norm);

}  // namespace tessera
