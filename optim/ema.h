// Exponential moving average of the weights, to evaluate with.
#pragma once

#include "optim/optimizer.h"

namespace tessera {

/// Averages of all values (Polyak and Juditsky 1992): after update t >= 1,
///   average += (1 - d) (value - average)  with d = min(decay, t / (9 + t)),
/// so that a short run is not left with its initial weights (as TensorFlow's moving average).
class Ema {
 public:
  /// Starts from the present values. `decay` in [0, 1).
  Ema(const ParameterStore& store, double decay);

  /// To be called after each step of the optimizer, with the trained weights in place.
  void update();

  /// Exchanges values and averages: call it before and after an evaluation.
  void swap();

  /// f32 [padded_size]. To be taken with the trained weights in place.
  Tensor averages() const;

  /// `ema` f32 [padded_size], `ema_updates` i32 [1]. To be taken with the trained weights in place.
  StateTensors state() const;

 private:
  double decay_;
  Tensor values_;
  Tensor averages_;
  Tensor updates_;  // done so far
  bool swapped_ = false;
};

}  // namespace tessera
