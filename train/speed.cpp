#include "train/speed.h"

#include <algorithm>
#include <ctime>
#include <memory>

#include "core/error.h"
#include "core/machine.h"
#include "core/rng.h"
#include "data/array_dataset.h"
#include "data/loader.h"
#include "data/open_dataset.h"
#include "layers/stage_plan.h"
#include "train/learner.h"
#include "train/memory_limits.h"
#include "train/teacher.h"

namespace tessera {
namespace {

Batch random_batch(const Config& config, const Task& task, std::int64_t size) {
  const ModelConfig& model = config.model;
  Batch batch;
  batch.images = Tensor::empty({size, model.image_size[0], model.image_size[1], model.in_channels});
  Rng rng(config.train.seed, Stream::kSynthetic, 0, 0);
  for (float& pixel : batch.images.span()) pixel = rng.uniform(-1.0f, 1.0f);
  task.draw_targets(batch, rng);
  return batch;
}

/// Of all threads of this process since it started.
double cpu_seconds_now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Seconds {
  double wall = 0.0;
  double cpu = 0.0;
};

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// The median: extremes are what else the machine does meanwhile.
template <typename Step>
Seconds median_seconds(int steps, Step&& step) {
  std::vector<double> wall, cpu;
  for (int i = 0; i < steps; ++i) {
    const double start = seconds_now(), cpu_start = cpu_seconds_now();
    step();
    wall.push_back(seconds_now() - start);
    cpu.push_back(cpu_seconds_now() - cpu_start);
  }
  return {median(wall), median(cpu)};
}

/// Images of noise of the model's size, a few batches.
std::unique_ptr<Dataset> noise_images(const Config& config, std::int64_t batch) {
  constexpr std::int64_t kBatches = 4, kClasses = 10;
  const ModelConfig& model = config.model;
  DatasetInfo info = dataset_info(DatasetName::kSynthetic);
  info.name = config.has_data ? fmt::format("noise; {} is not here", dataset_info(config.data).name)
                              : "noise";
  info.image = {model.image_size[0], model.image_size[1], model.in_channels};
  info.class_names.resize(kClasses);
  const auto samples = static_cast<std::size_t>(kBatches * batch);
  std::vector<std::uint8_t> pixels(samples * static_cast<std::size_t>(info.image.numel()));
  std::vector<std::uint8_t> labels(samples);
  Rng rng(config.train.seed, Stream::kSynthetic, 0, 1);
  for (std::uint8_t& pixel : pixels) pixel = static_cast<std::uint8_t>(rng.next());
  for (std::uint8_t& label : labels) label = static_cast<std::uint8_t>(rng.below(kClasses));
  return std::make_unique<ArrayDataset>(std::move(info), std::move(pixels), std::move(labels));
}

std::unique_ptr<Dataset> images_to_load(const Config& config, std::int64_t batch) {
  if (!config.has_data) return noise_images(config, batch);
  try {
    return open_dataset(config.data, Split::kTrain);
  } catch (const DataError&) {  // not here: speed does not depend on what the images show
    return noise_images(config, batch);
  }
}

LoaderCost measure_loader(const Config& config, std::int64_t size, int steps) {
  const std::unique_ptr<Dataset> dataset = images_to_load(config, size);
  const auto channels = static_cast<std::size_t>(dataset->image().channels);
  Loader loader(*dataset, {.batch_size = std::min(size, dataset->size()),
                           .shuffle = true,
                           .augment = config.data.augment,
                           .resize = config.data.resize,
                           .normalization = {std::vector<float>(channels, 0.5f),
                                             std::vector<float>(channels, 0.25f)},
                           .seed = config.train.seed,
                           .workers = 0,
                           .drop_last = true});
  std::int64_t epoch = 0;
  Batch batch;
  const auto load = [&] {
    while (!loader.next(batch)) loader.start_epoch(epoch++);
  };
  load();
  const double scale = static_cast<double>(size) / static_cast<double>(batch.size());
  return {dataset->name(), scale * median_seconds(std::max(steps, 5), load).cpu, 0.0};
}

/// Of what products compute in, if the CPU has instructions for it.
double peak_of(Precision precision, bool quantized) {
  const double int8 = quantized ? measure_int8_peak_gflops() : 0.0;
  if (int8 > 0.0) return int8;
  const double bf16 = precision == Precision::kBF16 ? measure_bf16_peak_gflops() : 0.0;
  return bf16 > 0.0 ? bf16 : measure_peak_gflops();
}

Rate rate_of(double seconds, std::int64_t images, double flops_of_image, double peak_gflops) {
  const double images_per_s = static_cast<double>(images) / seconds;
  const double gflops = images_per_s * flops_of_image * 1e-9;
  return {images_per_s, gflops, gflops / peak_gflops};
}

/// Inference, by op too, and what the machine gives.
void measure_inference_into(Speed& speed, Learner& learner, const Config& config,
                            const Batch& batch) {
  for (int i = 0; i < 2; ++i) learner.predict(batch.images);
  const Seconds inference = median_seconds(speed.steps, [&] { learner.predict(batch.images); });
  for (int i = 0; i < speed.steps; ++i) learner.predict(batch.images, &speed.infer_ops);
  // All ranks measure at once, as they work at once.
  speed.peak_gflops = speed.ranks * peak_of(config.train.precision, !learner.codes().empty());
  speed.stream_gbytes = speed.ranks * measure_stream_gbytes();
  speed.infer = rate_of(inference.wall, speed.batch,
                        2.0 * static_cast<double>(plan_model(config.model).evaluation_macs()),
                        speed.peak_gflops);
}

}  // namespace

Speed measure_inference(Learner& learner, const Config& config, std::int64_t batch_size,
                        int steps) {
  Speed speed;
  speed.trains = false;
  speed.quantized = !learner.codes().empty();
  speed.batch = batch_size;
  speed.steps = steps;
  measure_inference_into(speed, learner, config, random_batch(config, learner.task(), batch_size));
  speed.peak_rss_mb = peak_memory_mb();
  return speed;
}

Speed measure_speed(const Config& config, std::int64_t batch_size, int steps, Communicator& ranks) {
  Speed speed;
  speed.batch = batch_size;
  speed.steps = steps;
  speed.ranks = ranks.size();
  Learner learner(config, ranks);
  learner.learn_from(find_teacher(config));
  std::vector<std::int64_t> places =
      places_of({ranks.rank(), ranks.size()}, batch_size, config.data.augment.mixes());
  Batch batch = random_batch(config, learner.task(), static_cast<std::int64_t>(places.size()));
  batch.whole = batch_size;
  if (!ranks.alone()) batch.places = std::move(places);
  std::int64_t step = 0;
  const auto train = [&](Profile* profile) {
    learner.update({&batch, 1}, step++, config.optim.lr, profile);
  };
  for (int i = 0; i < 2; ++i) train(nullptr);
  const Seconds training = median_seconds(steps, [&] { train(nullptr); });
  speed.peak_rss_mb = peak_memory_mb();
  for (int i = 0; i < steps; ++i) train(&speed.train_ops);

  learner.evaluate_only();
  measure_inference_into(speed, learner, config, batch);

  speed.loader = measure_loader(config, batch.size(), steps);
  speed.loader.step_cpu_seconds = training.cpu;
  speed.train =
      rate_of(training.wall, batch_size, 6.0 * training_macs(config.model), speed.peak_gflops);
  return speed;
}

double measure_update_seconds(const Config& config) {
  if (!config.model.patch_sizes.empty()) {
    double sum = 0.0;
    for (const std::int64_t side : config.model.patch_sizes) {
      Config drawn = config;
      drawn.model.patch_sizes.clear();
      drawn.model.patch_size = {side, side};
      sum += measure_update_seconds(drawn);
    }
    return sum / static_cast<double>(config.model.patch_sizes.size());
  }
  Learner learner(config);
  learner.learn_from(find_teacher(config));
  const Batch batch = random_batch(config, learner.task(), config.data.batch_size);
  std::int64_t step = 0;
  const auto update = [&] {
    const double start = seconds_now();
    learner.update({&batch, 1}, step++, config.optim.lr);
    return seconds_now() - start;
  };
  update();
  const double first = update();
  return static_cast<double>(config.data.accumulate) * std::min(first, update());
}

}  // namespace tessera
