// How fast a configuration trains and infers here, op by op, and what loading its images costs.
#pragma once

#include <string>

#include "core/profile.h"
#include "distributed/communicator.h"
#include "train/learner.h"
#include "train/train_config.h"

namespace tessera {

struct Rate {
  double images_per_s = 0.0;
  double gflops = 0.0;
  double peak_share = 0.0;
};

/// What preparing one batch costs, whoever does it.
struct LoaderCost {
  std::string data;               ///< what was loaded: `cifar10`, `noise; cifar10 is not here`
  double cpu_seconds = 0.0;       ///< of one thread, a batch
  double step_cpu_seconds = 0.0;  ///< of all threads, a training step

  double share() const { return cpu_seconds / step_cpu_seconds; }
};

struct Speed {
  bool trains = true;      ///< false: of inference alone
  bool quantized = false;  ///< linear layers in 8 bits
  std::int64_t batch = 0;
  int ranks = 1;
  int steps = 0;  ///< that a median is of, and that a profile is the sum of
  Rate train, infer;
  Profile train_ops, infer_ops;
  LoaderCost loader;
  double peak_gflops = 0.0;
  double stream_gbytes = 0.0;
  double peak_rss_mb = 0.0;  ///< of training, if there is any
};

/// Trains and infers on random images. The loader is measured on the configured data set if its
/// files are here, else on noise of the model's size, with the configured augmentation.
/// Of several ranks each has its part of the batch, and all make the same call: figures are of all
/// of them, profiles, peak and loader of this one. Throws ConfigError (see plan_model).
Speed measure_speed(const Config& config, std::int64_t batch, int steps,
                    Communicator& ranks = one_process());

/// Inference alone, by a learner that evaluates (see Learner::evaluate_only).
Speed measure_inference(Learner& learner, const Config& config, std::int64_t batch, int steps);

/// Seconds of one update on random images: the faster of two, after one to warm up. Throws
/// ConfigError (see plan_model).
double measure_update_seconds(const Config& config);

}  // namespace tessera
