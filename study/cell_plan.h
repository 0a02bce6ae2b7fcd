// What one run of a cell will take.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "data/dataset.h"
#include "layers/stage_plan.h"
#include "train/training_plan.h"

namespace tessera {

/// Measured, of one machine.
struct CellSpeed {
  double train_images_per_s = 0.0;
  double test_images_per_s = 0.0;
};

struct CellPlan {
  ModelPlan model;
  std::int64_t parameters = 0;
  std::int64_t macs = 0;  ///< multiply-adds of one image's forward pass
  TrainingLength length;
  std::int64_t predicted_bytes = 0;  ///< at the peak of training
};

/// Throws ConfigError if the training samples do not fill one update.
CellPlan plan_cell(const Config& config);

/// Images that a split of the data set gives, by what is known of it or, of a folder, by counting.
std::int64_t known_samples(const DataConfig& data, Split split);

/// Seconds of all updates, without tests.
double training_seconds(const Config& config, const CellPlan& plan, const CellSpeed& speed);

/// Seconds of a whole run: updates and tests.
double run_seconds(const Config& config, const CellPlan& plan, const CellSpeed& speed);

}  // namespace tessera
