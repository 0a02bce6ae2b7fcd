// The learning rate range test: a training whose rate rises exponentially, arXiv:1506.01186
// section 3.3.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "layers/model.h"
#include "train/train_config.h"

namespace tessera {

struct LrRangeOptions {
  double from = 1e-6;        ///< learning rate of the first update
  double to = 1.0;           ///< and of the last, unless the loss diverges before
  std::int64_t steps = 100;  ///< updates
};

struct LrRangePoint {
  double lr = 0.0;
  double loss = 0.0;    ///< before the update at this rate
  double smooth = 0.0;  ///< mean of the losses around it
};

struct LrRange {
  std::vector<LrRangePoint> points;
  bool diverged = false;  ///< the loss rose far above its lowest, or was no number

  double lowest = 0.0;               ///< rate at which the smooth loss was lowest
  std::optional<double> suggestion;  ///< for `optim.lr`; none if the loss did not fall
};

/// Trains a fresh model of `config`, or one that begins with the weights of `initial`, on batches
/// as a run would see them. `on_point` is called after every update. Throws ConfigError for options
/// that cannot be meant and as a Learner does.
LrRange test_lr_range(const Config& config, const Dataset& train, const LrRangeOptions& options,
                      const ParameterStore* initial = nullptr,
                      const std::function<void(const LrRangePoint&)>& on_point = {});

/// Fills in everything but `lr` and `loss` of the points.
void summarize(LrRange& range);

}  // namespace tessera
