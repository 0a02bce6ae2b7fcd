// One run: model, data, optimisation and how long. The whole of a configuration file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/data_config.h"
#include "layers/model_config.h"
#include "optim/optim_config.h"
#include "tasks/task_config.h"

namespace tessera {

enum class BestBy : std::uint8_t { kTop1, kTop5, kLoss };
enum class Precision : std::uint8_t { kF32, kBF16 };

struct TrainConfig {
  std::int64_t epochs = 10;
  std::int64_t max_steps = 0;  ///< stop after so many updates; 0: epochs decide
  std::uint32_t seed = 0;
  Precision precision = Precision::kF32;
  int threads = 0;  ///< 0: all cores
  LossConfig loss;
  std::int64_t eval_every = 1;     ///< epochs
  BestBy best_by = BestBy::kTop1;  ///< what makes a checkpoint the best one
  std::int64_t patience = 0;  ///< evaluations without a better one that end the run; 0: none do
  std::int64_t checkpoint_every = 0;  ///< steps between checkpoints beside those of epochs; 0: none
  bool tensorboard = true;            ///< event files in the run's folder
  std::string out = "runs";           ///< folder in which the run's folder is made
};

/// What a run starts from.
struct InitConfig {
  std::string weights;                       ///< file; empty: drawn from the seed
  std::vector<std::string> allow_missing{};  ///< patterns; see LoadOptions
  bool fit = true;                           ///< weights of another geometry are resized
};

struct Config {
  ModelConfig model;
  InitConfig init;
  DataConfig data;
  OptimConfig optim;
  TrainConfig train;
  bool has_data = true;  ///< false: a model alone, without a data set (`data.name: none`)
};

}  // namespace tessera
