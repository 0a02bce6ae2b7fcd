#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/error.h"
#include "formats/weights/buffers.h"
#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "train/checkpoint.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/log.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

struct ConvertOptions {
  std::string in;
  std::string out;
  std::string to = "tessera";
  std::string model;
  std::string prefix;
  std::vector<std::string> overrides;
  std::vector<std::string> allow_missing;
  bool no_fit = false;
};

/// Weights under Tessera's names, and the model they belong to if it is known.
struct Weights {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::optional<ModelConfig> model;
};

template <typename... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  notice("tessera: {}", fmt::format(format, std::forward<Args>(args)...));
}

std::vector<StoredTensor> views_of(const ParameterStore& store) {
  std::vector<StoredTensor> views;
  for (const NamedTensor& named : named_values(store)) {
    views.push_back(view_of(named.name, named.tensor));
  }
  return views;
}

/// All values of a run's best checkpoint, averaged if the run averages.
TensorFile read_run_weights(const ConvertOptions& options, std::optional<ModelConfig>& model) {
  const SavedModel saved = load_saved_model(options.in);
  model = saved.config.model;
  return {.path = options.in,
          .metadata = {{"naming", "tessera"}, {"config", to_yaml(saved.config)}},
          .tensors = views_of(saved.learner->model().parameters)};
}

/// The weights of `file` in the model of a configuration.
Weights fill_model(const TensorFile& file, const Config& config, const LoadOptions& options) {
  Model model(config.model);
  // Only what may be missing keeps these values.
  model.parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  const LoadReport report = load_weights(file, named_values(model.parameters), options);
  for (const std::string& line : report.summary()) note("{}", line);
  Weights weights{views_of(model.parameters), file.metadata, config.model};
  weights.metadata["config"] = to_yaml(config);
  return weights;
}

/// The weights as they stand in `file`, in its order and element types.
Weights rename_only(const TensorFile& file, const std::optional<std::string>& prefix) {
  Translation translation = translate(file, prefix);
  if (!translation.other.empty()) {
    fail<CheckpointError>("[convert] {}: {:?} is no part of a model with {} names{}", file.path,
                          translation.other.front().name, name_of(translation.naming),
                          translation.other.size() > 1
                              ? fmt::format(", nor are {} others", translation.other.size() - 1)
                              : "");
  }
  Weights weights{{}, file.metadata, std::nullopt};
  for (auto& entry : translation.parameters) weights.tensors.push_back(std::move(entry.tensor));
  note("{} tensors ({} names{})", weights.tensors.size(), name_of(translation.naming),
       translation.prefix.empty() ? "" : fmt::format(" after {}", translation.prefix));
  return weights;
}

/// False for a plain ViT, whose names speak of no stages.
bool has_windows(const Weights& weights) {
  return std::any_of(weights.tensors.begin(), weights.tensors.end(),
                     [](const StoredTensor& t) { return t.name.starts_with("stages."); });
}

std::vector<StoredTensor> buffers_for(const Weights& weights, Naming naming) {
  std::vector<std::string> names;
  for (const StoredTensor& stored : weights.tensors) names.push_back(stored.name);
  const Architecture architecture = architecture_of(names);
  if (weights.model) return make_buffers(geometry_of(*weights.model), naming, architecture);
  if (naming == Naming::kOfficial) {
    note("without --model the buffer attn_mask is left out: load with strict=False");
  }
  const auto modules = geometry_of(std::span<const StoredTensor>(weights.tensors));
  if (modules.empty() && naming == Naming::kTorchvision && has_windows(weights)) {
    note(
        "without --model relative_position_index and relative_coords_table are left out: load "
        "with strict=False");
  }
  return make_buffers(modules, naming, architecture);
}

int run(const ConvertOptions& options) {
  const Naming naming = *naming_of(options.to);
  const auto prefix = options.prefix.empty() ? std::nullopt : std::optional(options.prefix);
  std::optional<ModelConfig> model;
  const TensorFile file = std::filesystem::is_directory(options.in)
                              ? read_run_weights(options, model)
                              : load_model_file(options.in);
  Weights weights;
  if (!options.model.empty()) {
    const Config config = load_config(options.model, options.overrides);
    weights = fill_model(file, config,
                         {.prefix = prefix,
                          .allow_missing = options.allow_missing,
                          .fit = options.no_fit ? nullptr : &config.model,
                          .source = stored_model(file)});
  } else {
    weights = rename_only(file, prefix);
    weights.model = model;
  }
  std::vector<StoredTensor> tensors =
      rename_tensors(std::span<const StoredTensor>(weights.tensors), naming);
  for (StoredTensor& buffer : buffers_for(weights, naming)) tensors.push_back(std::move(buffer));
  weights.metadata["naming"] = options.to;
  write_safetensors(options.out, std::span<const StoredTensor>(tensors), weights.metadata);
  return kExitOk;
}

}  // namespace

Action add_convert_command(Arguments& arguments) {
  auto options = std::make_shared<ConvertOptions>();
  arguments.add_option("in", options->in, "Safetensors, .pth, checkpoint or run").required();
  arguments.add_option("out", options->out, "Safetensors to write").required();
  arguments
      .add_option("--to", options->to, "Names to write: tessera, torchvision, timm or official")
      .one_of({"tessera", "torchvision", "timm", "official"})
      .with_default();
  arguments.add_option(
      "--model", options->model,
      "Configuration whose model: section the weights are checked against and fitted to");
  arguments
      .add_option("--set", options->overrides, "Override a key of it: --set model.window_size=8")
      .repeated();
  arguments
      .add_option("--allow-missing", options->allow_missing,
                  "With --model: parameters that need not fit, such as 'head.*': they start anew")
      .repeated();
  arguments.add_flag("--no-fit", options->no_fit,
                     "With --model: refuse weights of another window, map, patch or channels");
  arguments.add_option("--prefix", options->prefix,
                       "What stands before the names: state_dict_ema. (found by itself if usual)");
  arguments.footer(
      "Without --model names are changed and nothing else: every value keeps its bits and type.\n"
      "With --model the weights become f32; tables, positions and patch kernels of another\n"
      "geometry are resized, and buffers that strict loaders expect are written along.");
  return [options] {
    if (options->model.empty() &&
        (!options->overrides.empty() || !options->allow_missing.empty() || options->no_fit)) {
      fail<ConfigError>("convert: --set, --allow-missing and --no-fit need --model CONFIG");
    }
    return run(*options);
  };
}

}  // namespace tessera
