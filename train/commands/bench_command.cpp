#include <fmt/core.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "core/parallel.h"
#include "core/peak.h"
#include "core/rng.h"
#include "layers/stage_plan.h"
#include "train/commands/commands.h"
#include "train/config/config.h"
#include "train/learner.h"

namespace tessera {
namespace {

struct BenchOptions {
  std::string config;
  std::vector<std::string> overrides;
  std::int64_t batch = 0;
  int steps = 10;
  std::string precision;
  bool json = false;
};

struct Rate {
  double images_per_s = 0.0;
  double gflops = 0.0;
  double peak_share = 0.0;
};

struct Measurement {
  Rate train, infer;
  double peak_gflops = 0.0;
  double stream_gbytes = 0.0;
  double peak_rss_mb = 0.0;
  Profile profile;
  int steps = 0;
};

Batch random_batch(const Config& config, std::int64_t size) {
  const ModelConfig& model = config.model;
  Batch batch;
  batch.images = Tensor::empty({size, model.image_size[0], model.image_size[1], model.in_channels});
  batch.labels = Tensor::empty({size}, DType::kI32);
  Rng rng(config.train.seed, Stream::kSynthetic, 0, 0);
  for (float& pixel : batch.images.span()) pixel = rng.uniform(-1.0f, 1.0f);
  for (std::int32_t& label : batch.labels.span<std::int32_t>()) {
    label = static_cast<std::int32_t>(rng.below(static_cast<std::uint32_t>(model.num_classes)));
  }
  return batch;
}

double resident_peak_mb() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024.0;
}

// The median is what the machine does; the extremes are what its other tenants do.
template <typename Step>
double median_seconds(int steps, Step&& step) {
  std::vector<double> seconds;
  for (int i = 0; i < steps; ++i) {
    const double start = seconds_now();
    step(i);
    seconds.push_back(seconds_now() - start);
  }
  std::nth_element(seconds.begin(), seconds.begin() + steps / 2, seconds.end());
  return seconds[static_cast<std::size_t>(steps / 2)];
}

Rate rate_of(double seconds, double images, double flops, double peak) {
  const double gflops = flops / seconds * 1e-9;
  return {images / seconds, gflops, gflops / peak};
}

Measurement measure(const Config& config, std::int64_t size, int steps) {
  Measurement result;
  result.steps = steps;
  const bool low = config.train.precision == Precision::kBF16;
  const double flops = 2.0 * static_cast<double>(plan_model(config.model).macs() * size);
  Learner learner(config);
  const Batch batch = random_batch(config, size);
  std::int64_t step = 0;
  const auto train = [&](Profile* profile) {
    learner.update({&batch, 1}, step++, config.optim.lr, profile);
  };
  for (int i = 0; i < 2; ++i) train(nullptr);
  const double train_seconds = median_seconds(steps, [&](int) { train(nullptr); });
  result.peak_rss_mb = resident_peak_mb();
  for (int i = 0; i < steps; ++i) train(&result.profile);
  for (int i = 0; i < 2; ++i) learner.predict(batch.images);
  const double infer_seconds = median_seconds(steps, [&](int) { learner.predict(batch.images); });
  result.peak_gflops = measure_peak_gflops();
  if (const double bf16 = low ? measure_bf16_peak_gflops() : 0.0; bf16 > 0.0) {
    result.peak_gflops = bf16;
  }
  result.stream_gbytes = measure_stream_gbytes();
  const auto images = static_cast<double>(size);
  result.train = rate_of(train_seconds, images, 3.0 * flops, result.peak_gflops);
  result.infer = rate_of(infer_seconds, images, flops, result.peak_gflops);
  return result;
}

using Op = std::pair<std::string, Profile::Entry>;

std::vector<Op> slowest_first(const Profile& profile) {
  std::vector<Op> ops(profile.entries().begin(), profile.entries().end());
  std::stable_sort(ops.begin(), ops.end(),
                   [](const Op& a, const Op& b) { return a.second.seconds > b.second.seconds; });
  return ops;
}

nlohmann::ordered_json to_json(const Rate& rate) {
  return {{"images_per_s", rate.images_per_s},
          {"gflops", rate.gflops},
          {"peak_share", rate.peak_share}};
}

void print_json(const Measurement& m, const Config& config, std::int64_t batch) {
  nlohmann::ordered_json ops = nlohmann::ordered_json::array();
  for (const auto& [name, entry] : slowest_first(m.profile)) {
    ops.push_back({{"name", name},
                   {"ms", 1e3 * entry.seconds / m.steps},
                   {"gflops", entry.flops / entry.seconds * 1e-9},
                   {"gbytes", entry.bytes / entry.seconds * 1e-9}});
  }
  const nlohmann::ordered_json json = {
      {"train", to_json(m.train)},
      {"infer", to_json(m.infer)},
      {"peak_gflops", m.peak_gflops},
      {"stream_gbytes", m.stream_gbytes},
      {"peak_rss_mb", m.peak_rss_mb},
      {"threads", num_threads()},
      {"batch", batch},
      {"precision", config.train.precision == Precision::kBF16 ? "bf16" : "f32"},
      {"ops", ops}};
  fmt::print("{}\n", json.dump(2));
}

void print_table(const Measurement& m, const Config& config, std::int64_t batch) {
  const auto row = [&](const char* name, const Rate& rate) {
    fmt::print("{:<10}{:>10.1f} images/s {:>9.1f} GFLOP/s {:>6.1f} % of peak\n", name,
               rate.images_per_s, rate.gflops, 100.0 * rate.peak_share);
  };
  fmt::print("batch {}, {}, {} threads; medians of {} steps\n\n", batch,
             config.train.precision == Precision::kBF16 ? "bf16" : "f32", num_threads(), m.steps);
  row("training", m.train);
  row("inference", m.infer);
  fmt::print(
      "\npeak {:.0f} GFLOP/s by multiply-adds in registers, memory {:.1f} GB/s, both measured "
      "now\n",
      m.peak_gflops, m.stream_gbytes);
  fmt::print("peak memory of training {:.0f} MB\n", m.peak_rss_mb);
  double total = 0.0;
  for (const auto& [name, entry] : m.profile.entries()) total += entry.seconds;
  fmt::print("\n{:<38}{:>9}{:>8}{:>10}{:>9}\n", "op, in training", "ms", "share", "GFLOP/s",
             "GB/s");
  for (const auto& [name, entry] : slowest_first(m.profile)) {
    fmt::print("{:<38}{:>9.2f}{:>6.1f} %{:>10.1f}{:>9.1f}\n", name, 1e3 * entry.seconds / m.steps,
               100.0 * entry.seconds / total, entry.flops / entry.seconds * 1e-9,
               entry.bytes / entry.seconds * 1e-9);
  }
}

int run(BenchOptions options) {
  if (!options.precision.empty()) {
    options.overrides.push_back("train.precision=" + options.precision);
  }
  const Config config = load_config(options.config, options.overrides);
  if (config.train.threads > 0) set_num_threads(config.train.threads);
  const std::int64_t batch = options.batch > 0 ? options.batch : config.data.batch_size;
  const Measurement measurement = measure(config, batch, options.steps);
  if (options.json) {
    print_json(measurement, config, batch);
  } else {
    print_table(measurement, config, batch);
  }
  return kExitOk;
}

}  // namespace

Action add_bench_command(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  app.add_option("config", options->config, "Configuration file (YAML)")->required();
  app.add_option("--set", options->overrides, "Override a key: --set model.patch_size=2")
      ->allow_extra_args(false);
  app.add_option("--batch", options->batch, "Images a step; data.batch_size if not given")
      ->check(CLI::Range(1, 1000000));
  app.add_option("--steps", options->steps, "Steps to take the median of")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  app.add_option("--precision", options->precision, "f32 or bf16; train.precision if not given")
      ->check(CLI::IsMember({"f32", "bf16"}));
  app.add_flag("--json", options->json, "Print one JSON object");
  app.footer(
      "Random images are used: no data set is read. FLOPs are twice the multiply-adds of\n"
      "`tessera inspect`, and a training step counts as three forward passes.");
  return [options] { return run(*options); };
}

}  // namespace tessera
