// What every optimizer offers: one update of all parameters in one pass over the flat buffers.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/parameter.h"
#include "core/tensor.h"
#include "optim/optim_config.h"

namespace tessera {

/// What to keep in a checkpoint: writing into it restores what it was taken from.
using StateTensors = std::vector<NamedTensor>;

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Updates all values from gradients times `grad_scale` (the clipping factor, and 1 / batches
  /// where gradients were summed) with learning rate `lr` for this step. The result has the same
  /// bits for any number of threads. Gradients stay as they are.
  virtual void step(double lr, float grad_scale) = 0;

  /// From now on updates the elements of `parts`, which come in order, and leaves the others and
  /// their state as they are. False if that cannot be, and then nothing changes.
  virtual bool update_only(std::span<const ElementRange> /*parts*/) { return false; }

  /// All that the next step depends on beside values and gradients.
  virtual StateTensors state() const = 0;
};

/// Floats that the optimizer `name` keeps beside each value that it updates: so many buffers of the
/// model's size.
std::int64_t state_buffers(OptimizerName name);

/// The optimizer `config.name` for all parameters of `store` that are not frozen by now; the store
/// may be destroyed before it. Where the model computes in bf16 (`precision`), Muon's products take
/// bf16 as well if the processor has it. In f32 they do not: bf16 turns differences of the last bit
/// of a gradient, which follow from any other order of a sum, into 1e-5 of its direction.
std::unique_ptr<Optimizer> make_optimizer(const OptimConfig& config, const ParameterStore& store,
                                          DType precision = DType::kF32);

}  // namespace tessera
