// How parameters are updated: the `optim:` part of a configuration.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace tessera {

enum class OptimizerName : std::uint8_t { kAdamW, kMuon, kSgd };
enum class ScheduleName : std::uint8_t { kConstant, kCosine, kLinear, kStep };
enum class LrScaling : std::uint8_t { kNone, kLinear, kSqrt };

struct ScheduleConfig {
  ScheduleName name = ScheduleName::kCosine;
  double warmup_epochs = 0.0;        ///< linear rise from lr / warm-up steps
  double min_lr = 0.0;               ///< reached at the last step (cosine, linear)
  std::int64_t cycles = 1;           ///< times that the cosine falls; between them it starts anew
  double cycle_growth = 1.0;         ///< length of a cycle by that of the one before
  std::vector<double> milestones{};  ///< epochs at which `step` multiplies lr by gamma
  double gamma = 0.1;
};

struct OptimConfig {
  OptimizerName name = OptimizerName::kAdamW;
  double lr = 1e-3;  ///< peak, per step; of a batch of 256 images if it is scaled
  LrScaling lr_scaling = LrScaling::kNone;
  double weight_decay = 0.05;  ///< not on 1-D parameters and position tables
  std::array<double, 2> betas{0.9, 0.999};
  double eps = 1e-8;
  double momentum = 0.9;   ///< muon, sgd
  bool nesterov = false;   ///< muon, sgd
  double clip_norm = 0.0;  ///< global gradient norm; 0: no clipping
  ScheduleConfig schedule{};
  std::vector<std::string> freeze{};  ///< patterns of parameters that keep their values
  double layer_decay = 1.0;           ///< see update_runs; 1: one learning rate for all
  double ema = 0.0;  ///< decay of the averaged weights used for evaluation; 0: none
};

}  // namespace tessera
