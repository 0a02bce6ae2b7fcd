// One run: model, data, optimisation and how long. The whole of a configuration file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "data/data_config.h"
#include "layers/model_config.h"
#include "optim/optim_config.h"
#include "tasks/task_config.h"

namespace tessera {

enum class Precision : std::uint8_t { kF32, kBF16 };

/// Of activations at this precision.
inline DType dtype_of(Precision precision) {
  return precision == Precision::kBF16 ? DType::kBF16 : DType::kF32;
}

enum class Recompute : std::uint8_t { kNone, kBlocks };

enum class TeacherForm : std::uint8_t {
  kSoft,  ///< its probabilities are learned
  kHard,  ///< the class that it takes an image for
};

/// A trained model that is learned from beside the labels: see Teacher.
struct TeacherConfig {
  std::string run;  ///< or a checkpoint, or weights; empty: none
  TeacherForm form = TeacherForm::kSoft;
  double weight = 0.5;       ///< of what it says; the rest is the labels'
  double temperature = 3.0;  ///< kSoft: by which logits are divided on both sides
};

struct TrainConfig {
  std::int64_t epochs = 10;
  std::int64_t max_steps = 0;  ///< stop after so many updates; 0: epochs decide
  std::uint32_t seed = 0;
  Precision precision = Precision::kF32;
  Recompute recompute = Recompute::kNone;
  Precision wire = Precision::kF32;  ///< of gradients between ranks
  int threads = 0;                   ///< 0: all cores
  std::int64_t eval_every = 1;       ///< epochs
  std::string best_by = "top1";      ///< the figure of validation that makes a checkpoint the best
  std::int64_t patience = 0;  ///< evaluations without a better one that end the run; 0: none do
  std::int64_t checkpoint_every = 0;  ///< steps between checkpoints beside those of epochs; 0: none
  TeacherConfig teacher{};
  bool tensorboard = true;   ///< event files in the run's folder
  std::string out = "runs";  ///< folder in which the run's folder is made
};

/// What a run starts from.
struct InitConfig {
  std::string weights;                       ///< file or folder; empty: drawn from the seed
  std::string prefix;                        ///< of their names; empty: found by itself
  std::vector<std::string> allow_missing{};  ///< patterns; see LoadOptions
  bool fit = true;                           ///< weights of another geometry are resized
};

struct Config {
  TaskConfig task;
  ModelConfig model;
  InitConfig init;
  DataConfig data;
  OptimConfig optim;
  TrainConfig train;
  bool has_data = true;  ///< false: a model alone, without a data set (`data.name: none`)
};

/// The figure that an evaluation of the configuration's task is known by: `top1` of a classifier.
std::string main_metric(const Config& config);

/// The names of all that an evaluation record of such a run holds: `val/...`, then `train/...`.
std::vector<std::string> reported_metrics(const Config& config);

}  // namespace tessera
