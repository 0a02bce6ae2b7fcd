#include "train/training_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "core/dtype.h"
#include "core/error.h"
#include "core/kernels/cpu.h"
#include "core/machine.h"
#include "core/memory_limit.h"
#include "data/dataset_info.h"
#include "data/loader.h"
#include "layers/model.h"
#include "layers/stage_plan.h"
#include "layers/training_memory.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/memory_limits.h"
#include "train/readable.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

constexpr double kPeakSeconds = 0.05;

}  // namespace

TrainingLength training_length(const Config& config, std::int64_t samples) {
  const TrainConfig& train = config.train;
  TrainingLength length;
  length.steps_per_epoch = samples / config.data.batch_size / config.data.accumulate;
  if (length.steps_per_epoch == 0) {
    fail<ConfigError>(
        "data.batch_size {} x data.accumulate {}: the {} training samples do not fill one update; "
        "lower either",
        config.data.batch_size, config.data.accumulate, samples);
  }
  length.total_steps = length.steps_per_epoch * train.epochs;
  if (train.max_steps > 0) length.total_steps = std::min(length.total_steps, train.max_steps);
  // One after every `eval_every` epochs, one after the last step.
  const std::int64_t whole_epochs = length.total_steps / length.steps_per_epoch;
  const bool ends_between =
      length.total_steps % length.steps_per_epoch != 0 || whole_epochs % train.eval_every != 0;
  length.evaluations =
      std::max<std::int64_t>(1, whole_epochs / train.eval_every + (ends_between ? 1 : 0));
  return length;
}

std::vector<std::string> schedule_notices(const Config& config, const TrainingLength& length) {
  const ScheduleConfig& schedule = config.optim.schedule;
  const std::int64_t warmup = warmup_steps(schedule, length.steps_per_epoch);
  std::vector<std::string> notices;
  if (warmup > 0 && warmup >= length.total_steps) {
    notices.push_back(fmt::format(
        "optim.schedule.warmup_epochs {} is {} in a run of {}: the learning rate rises in all of "
        "them, and the {} schedule never begins",
        schedule.warmup_epochs, plural(warmup, "update"), length.total_steps,
        schedule.name == ScheduleName::kCosine   ? "cosine"
        : schedule.name == ScheduleName::kLinear ? "linear"
        : schedule.name == ScheduleName::kStep   ? "step"
                                                 : "constant"));
  }
  const std::int64_t rest = length.total_steps - std::min(warmup, length.total_steps);
  if (schedule.cycles > 1 && 2 * schedule.cycles > rest) {
    notices.push_back(
        fmt::format("optim.schedule.cycles {} in {}: most of them are too short to fall",
                    schedule.cycles, plural(rest, "update")));
  }
  return notices;
}

namespace {

/// Buffers of the size of the parameters that an optimizer and averages keep.
std::int64_t state_copies(const OptimConfig& optim) {
  return state_buffers(optim.name) + (optim.ema > 0.0 ? 1 : 0);
}

std::optional<AskedModel> teacher_of(const Config& config) {
  if (config.train.teacher.run.empty()) return std::nullopt;
  const Config teacher = read_saved_config(config.train.teacher.run);
  AskedModel asked{.config = teacher.model,
                   .parameters = Model(teacher.model).parameters.count(),
                   .state_copies = state_copies(teacher.optim),
                   .dtype = dtype_of(teacher.train.precision)};
  asked.config.dropout = 0.0;
  return asked;
}

}  // namespace

std::int64_t predicted_bytes(const Config& config, std::int64_t parameters) {
  const DataConfig& data = config.data;
  TrainingLoad load{.parameters = parameters,
                    .state_copies = state_copies(config.optim),
                    .batch = data.batch_size,
                    .batches = data.accumulate,
                    .dtype = dtype_of(config.train.precision),
                    .orthogonalizes = config.optim.name == OptimizerName::kMuon,
                    .recompute = config.train.recompute == Recompute::kBlocks,
                    .asked = teacher_of(config)};
  if (!config.has_data) return predict_training_bytes(config.model, load);
  if (data.workers > 0) load.batches += Loader::kDepth;
  std::int64_t images = 0;
  if (!lies_in_files(data.name)) {  // they are in memory, a byte a value
    const DatasetInfo info = dataset_info(data);
    images += data.train_samples > 0 ? data.train_samples : info.train_samples;
    images += data.test_samples > 0 ? data.test_samples : info.test_samples;
    images *= info.image.numel();
  }
  return predict_training_bytes(config.model, load) + images;
}

double predicted_seconds(const Config& config, std::int64_t samples) {
  constexpr double kPasses = 3.0;  // forward, and back to inputs and weights
  // Little of what tiles could do is reached: 0.036 of it by a small model, 0.055 by Swin-T.
  const bool tiles = config.train.precision == Precision::kBF16 && has_bf16_tiles();
  const double share_of_peak = tiles ? 0.045 : 0.5;
  const TrainingLength length = training_length(config, samples);
  const double macs = training_macs(config.model);
  const auto images =
      static_cast<double>(length.total_steps * config.data.batch_size * config.data.accumulate);
  const bool low = config.train.precision == Precision::kBF16;
  const double bf16_peak = low ? measure_bf16_peak_gflops(kPeakSeconds) : 0.0;
  const double peak = bf16_peak > 0.0 ? bf16_peak : measure_peak_gflops(kPeakSeconds);
  return images * kPasses * 2.0 * macs / (share_of_peak * peak * 1e9);
}

std::vector<std::string> plan_warnings(const Config& config, std::int64_t samples, int ranks) {
  constexpr double kManyHours = 12.0, kMostMemory = 0.7, kGigabyte = 1073741824.0;
  std::vector<std::string> lines;
  const double hours = predicted_seconds(config, samples) / 3600.0 / ranks;
  Config part = config;
  part.data.batch_size = (config.data.batch_size + ranks - 1) / ranks;
  const std::int64_t bytes = predicted_bytes(part, Model(config.model).parameters.count());
  const auto memory = static_cast<double>(machine_memory());
  if (hours > kManyHours || static_cast<double>(bytes) > kMostMemory * memory) {
    lines.push_back(fmt::format(
        "the plan comes to some {:.0f} hours and {:.1f} GB of the {:.1f} GB here: a smaller "
        "model.image_size or model.embed_dim takes less of both, a smaller data.batch_size (and a "
        "larger data.accumulate) less memory{}",
        hours, static_cast<double>(bytes) / kGigabyte, memory / kGigabyte,
        lies_in_files(config.data.name) ? "; tessera init FOLDER writes what suits the machine"
                                        : ""));
  }
  if (std::string text = memory_warning(bytes); !text.empty()) lines.push_back(std::move(text));
  const Size2 unused = plan_model(config.model).embed.unused_pixels;
  if (unused != Size2{0, 0}) {
    lines.push_back(fmt::format(
        "model.patch_size does not divide model.image_size: {} rows and {} columns at the edge of "
        "every image are not seen",
        unused[0], unused[1]));
  }
  return lines;
}

}  // namespace tessera
