#include <fmt/core.h>

#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/cost_text.h"
#include "cli/together.h"
#include "core/parallel.h"
#include "formats/json.h"
#include "train/config/config.h"
#include "train/saved_model.h"
#include "train/speed.h"

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

int run(BenchOptions options, Communicator& ranks) {
  if (!options.precision.empty()) {
    options.overrides.push_back("train.precision=" + options.precision);
  }
  const bool trained = is_saved_model(options.config);
  SavedModel saved;
  if (trained) saved = load_saved_model(options.config, options.overrides);
  const Config config = trained ? saved.config : load_config(options.config, options.overrides);
  if (config.train.threads > 0) set_num_threads(config.train.threads);
  const std::int64_t batch = options.batch > 0 ? options.batch : config.data.batch_size;
  const Speed speed = trained ? measure_inference(*saved.learner, config, batch, options.steps)
                              : measure_speed(config, batch, options.steps, ranks);
  if (!ranks.leads()) return kExitOk;
  if (options.json) {
    fmt::print("{}\n", json_text(speed_json(speed, config), 2));
  } else {
    fmt::print("{}", speed_text(speed, config));
  }
  return kExitOk;
}

}  // namespace

Action add_bench_command(Arguments& arguments) {
  auto options = std::make_shared<BenchOptions>();
  arguments
      .add_option("config", options->config,
                  "Configuration file (YAML); or a run, a checkpoint, weights or what quantize "
                  "wrote, of whose model inference alone is measured")
      .required();
  arguments.add_option("--set", options->overrides, "Override a key: --set model.patch_size=2")
      .repeated();
  arguments.add_option("--batch", options->batch, "Images a step; data.batch_size if not given")
      .between(1, 1000000);
  arguments.add_option("--steps", options->steps, "Steps to take the median of")
      .between(1, 1000000)
      .with_default();
  arguments
      .add_option("--precision", options->precision, "f32 or bf16; train.precision if not given")
      .one_of({"f32", "bf16"});
  arguments.add_flag("--json", options->json, "Print one JSON object");
  arguments.footer(
      "Training and inference take random images. The loader prepares batches of the configured "
      "data set, or of noise if that is not here, as one thread of it would. FLOPs are twice the "
      "multiply-adds of `tessera inspect`, and a training step counts as three forward passes.\n"
      "Started by mpirun it measures all ranks together, each with its part of the batch.");
  return [options] {
    return run_together([options](Communicator& ranks) { return run(*options, ranks); });
  };
}

}  // namespace tessera
