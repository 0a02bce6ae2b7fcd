#include <fmt/core.h>

#include <filesystem>
#include <memory>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/cost_text.h"
#include "core/error.h"
#include "formats/json.h"
#include "layers/model.h"
#include "layers/stage_plan.h"
#include "train/checkpoint.h"
#include "train/config/config.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

struct InspectOptions {
  std::string path;
  std::vector<std::string> overrides;
  bool json = false;
};

Config read_config(const InspectOptions& options) {
  const std::filesystem::path path = options.path;
  if (path.extension() == ".safetensors") {
    fail<CheckpointError>("{}: holds weights without a configuration: give the folder it is in",
                          options.path);
  }
  if (!std::filesystem::is_directory(path)) return load_config(path, options.overrides);
  const LoadedCheckpoint checkpoint = load_checkpoint(options.path);
  return parse_config(checkpoint.meta.config, options.path, options.overrides);
}

Json plan_json(const Config& config) {
  const ModelPlan plan = plan_model(config.model);
  const std::int64_t parameters = Model(config.model).parameters.count();
  Json stages = Json::array();
  for (const StagePlan& stage : plan.stages) {
    stages.push_back({{"tokens", stage.map},
                      {"channels", stage.channels},
                      {"num_heads", stage.num_heads},
                      {"depth", stage.depth},
                      {"window", stage.windows.window},
                      {"shift", stage.shifted_windows.shift},
                      {"padded", stage.windows.padded},
                      {"macs", stage.macs}});
  }
  return {{"parameters", parameters},
          {"macs", plan.macs()},
          {"flops", 2 * plan.macs()},
          {"predicted_peak_bytes", predicted_bytes(config, parameters)},
          {"batch_size", config.data.batch_size},
          {"patch_embed", {{"tokens", plan.embed.map}, {"macs", plan.embed.macs}}},
          {"head", {{"macs", plan.head.macs}, {"auxiliary_macs", plan.head.auxiliary_macs}}},
          {"unused_pixels", plan.embed.unused_pixels},
          {"stages", stages}};
}

}  // namespace

Action add_inspect_command(Arguments& arguments) {
  auto options = std::make_shared<InspectOptions>();
  arguments.add_option("path", options->path, "Configuration file, run or checkpoint").required();
  arguments.add_option("--set", options->overrides, "Override a key: --set model.patch_size=2")
      .repeated();
  arguments.add_flag("--json", options->json, "Print one JSON object");
  arguments.footer("MACs are multiply-adds of one image's forward pass; FLOPs are twice as many.");
  return [options] {
    const Config config = read_config(*options);
    if (options->json) {
      fmt::print("{}\n", json_text(plan_json(config), 2));
    } else {
      fmt::print("{}", plan_text(config));
      const std::string unseen = unseen_text(config.model);
      if (!unseen.empty()) fmt::print("\n{}\n", unseen);
    }
    return kExitOk;
  };
}

}  // namespace tessera
