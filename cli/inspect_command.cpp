#include <fmt/core.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "cli/cost_text.h"
#include "core/text.h"
#include "formats/json.h"
#include "layers/model.h"
#include "layers/stage_plan.h"
#include "train/config/config.h"
#include "train/log.h"
#include "train/saved_model.h"
#include "train/training_plan.h"

namespace tessera {
namespace {

struct InspectOptions {
  std::string path;
  std::vector<std::string> overrides;
  bool json = false;
};

Config read_config(const InspectOptions& options) {
  if (!is_saved_model(options.path)) return load_config(options.path, options.overrides);
  std::vector<std::string> notes;
  const Config config = read_saved_config(options.path, options.overrides, &notes);
  for (const std::string& line : notes) notice("{}: {}", shown(options.path), line);
  return config;
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
  arguments
      .add_option("path", options->path, "Configuration file (YAML), run, checkpoint or weights")
      .required();
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
