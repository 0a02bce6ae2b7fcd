#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "core/error.h"
#include "core/text.h"
#include "data/dataset_info.h"
#include "data/open_dataset.h"
#include "formats/huggingface/model_folder.h"
#include "formats/huggingface/model_json.h"
#include "formats/read_weights.h"
#include "formats/weights/buffers.h"
#include "formats/weights/load_weights.h"
#include "formats/weights/names_dense.h"
#include "layers/model.h"
#include "train/checkpoint.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/log.h"
#include "train/open_weights.h"
#include "train/saved_model.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

struct ConvertOptions {
  std::string in;
  std::string out;
  std::string to = "tessera";
  std::string model;
  std::string prefix;
  std::string shard_size;
  std::vector<std::string> overrides;
  std::vector<std::string> allow_missing;
  bool no_fit = false;
};

/// Weights under Tessera's names, and the configuration they belong to if it is known.
struct Weights {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::optional<Config> config;
  ModelCard card{};
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
TensorFile read_run_weights(const ConvertOptions& options, Weights& weights) {
  const SavedModel saved = load_saved_model(options.in);
  weights.config = saved.config;
  weights.card.configuration = to_yaml(saved.config);
  if (saved.meta.metric && saved.config.train.best_by == "top1") {
    weights.card.metric = "accuracy";
    weights.card.value = *saved.meta.metric;
    weights.card.split = validates_on_test(saved.config.data) ? "test" : "validation";
  }
  return {.path = options.in,
          .metadata = {{"naming", "tessera"}, {"config", to_yaml(saved.config)}},
          .tensors = views_of(saved.learner->model().parameters)};
}

/// The weights of `file` in the model of a configuration.
void fill_model(const TensorFile& file, const Config& given, const LoadOptions& options,
                Weights& weights) {
  Config config = given;
  adopt_norms(config.model, options.source);
  Model model(config.model);
  // Only what may be missing keeps these values.
  model.parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  const LoadReport report = load_weights(file, named_values(model.parameters), options);
  for (const std::string& line : report.summary()) note("{}", line);
  weights.tensors = views_of(model.parameters);
  weights.config = config;
}

/// The weights as they stand in `file`, in its order and element types.
void rename_only(const TensorFile& file, const std::optional<std::string>& prefix,
                 Weights& weights) {
  Translation translation = translate(file, prefix);
  const std::string naming(name_of(translation.scheme.naming));
  if (!translation.other.empty()) {
    fail<CheckpointError>("[convert] {}: {:?} is no part of a model with {} names{}", file.path,
                          translation.other.front().name, naming,
                          translation.other.size() > 1
                              ? fmt::format(", nor are {} others", translation.other.size() - 1)
                              : "");
  }
  for (auto& entry : translation.parameters) weights.tensors.push_back(std::move(entry.tensor));
  for (auto& entry : translation.buffers) {
    if (is_batch_counter(entry.tensor.name)) weights.tensors.push_back(std::move(entry.tensor));
  }
  note("{} tensors ({} names{})", weights.tensors.size(), naming,
       translation.prefix.empty() ? "" : fmt::format(" after {}", shown(translation.prefix)));
  if (!translation.beside.empty()) {
    note("beside them {} left out: {}{}", translation.beside.size(),
         shown(translation.beside.front()), translation.beside.size() > 1 ? ", ..." : "");
  }
  if (!weights.config && file.metadata.contains(kModelJson)) {
    std::vector<std::string> notes;
    weights.config = configuration_for(file, notes, prefix);
  }
}

/// False for a plain ViT, whose names speak of no stages.
bool has_windows(const Weights& weights) {
  return std::any_of(weights.tensors.begin(), weights.tensors.end(),
                     [](const StoredTensor& t) { return t.name.starts_with("stages."); });
}

/// Whether a head reads several stages, each behind a norm of its own.
bool has_stage_norms(const Weights& weights) {
  return std::any_of(weights.tensors.begin(), weights.tensors.end(), [](const StoredTensor& t) {
    return t.name.starts_with("norm") && !t.name.starts_with("norm.");
  });
}

std::vector<StoredTensor> buffers_for(const Weights& weights, Naming naming) {
  const bool dense = has_stage_norms(weights);
  if (weights.config) return make_buffers(geometry_of(weights.config->model), naming, dense);
  if (naming == Naming::kOfficial && !dense) {
    note("without --model the buffer attn_mask is left out: load with strict=False");
  }
  const auto modules = geometry_of(std::span<const StoredTensor>(weights.tensors));
  if (modules.empty() && naming == Naming::kTorchvision && has_windows(weights)) {
    note(
        "without --model relative_position_index and relative_coords_table are left out: load "
        "with strict=False");
  }
  return make_buffers(modules, naming, dense);
}

/// `200MB`, `5GB`; 0 for the empty text.
std::uint64_t bytes_of(const std::string& text) {
  if (text.empty()) return 0;
  std::size_t end = 0;
  double number = 0.0;
  try {
    number = std::stod(text, &end);
  } catch (const std::exception&) {
    end = 0;
  }
  const std::string unit = text.substr(end);
  const double scale = unit == "GB" ? 1e9 : unit == "MB" ? 1e6 : unit == "KB" ? 1e3 : 0.0;
  if (end == 0 || scale == 0.0 || !(number > 0.0) || number > 1e6) {
    fail<ConfigError>("convert: --shard-size {}: expected a size such as 200MB or 5GB",
                      quoted(text));
  }
  return static_cast<std::uint64_t>(number * scale);
}

/// A folder for Hugging Face's transformers.
void write_folder(const ConvertOptions& options, const TensorFile& file,
                  const std::vector<StoredTensor>& tensors, Weights& weights) {
  if (!weights.config) {
    std::vector<std::string> notes;
    const auto prefix = options.prefix.empty() ? std::nullopt : std::optional(options.prefix);
    weights.config = configuration_for(file, notes, prefix);
    for (const std::string& line : notes) note("{}", line);
  }
  const Config& config = *weights.config;
  ModelFolder folder{
      .model = config.model, .classes = {}, .preprocessing = {}, .card = weights.card};
  folder.card.name = fs::path(options.out).lexically_normal().filename().string();
  if (folder.card.name.empty()) {
    folder.card.name = fs::path(options.out).parent_path().filename().string();
  }
  if (config.has_data) {
    const DatasetInfo info = dataset_info(config.data);
    const Normalization normalization = normalization_of(config.data);
    folder.classes = info.class_names;
    folder.preprocessing = Preprocessing{
        normalization.mean, normalization.std,
        config.data.resize.interpolation == Interpolation::kBicubic, config.data.resize.test_crop};
    if (!weights.card.configuration.empty()) folder.card.dataset = info.name;
  }
  if (const std::string why = huggingface_difference(config.model); !why.empty()) {
    note("transformers will answer otherwise: {}", why);
  }
  write_model_folder(options.out, tensors, folder, bytes_of(options.shard_size));
}

bool is_run(const fs::path& path) { return fs::is_directory(path) && !are_weights(path); }

int run(const ConvertOptions& options) {
  const Naming naming = *naming_of(options.to);
  const auto prefix = options.prefix.empty() ? std::nullopt : std::optional(options.prefix);
  const bool to_folder =
      naming == Naming::kHuggingFace && fs::path(options.out).extension() != ".safetensors";
  Weights weights;
  TensorFile file =
      is_run(options.in) ? read_run_weights(options, weights) : load_model_file(options.in);
  if (!options.model.empty()) {
    const Config config = load_config(options.model, options.overrides);
    fill_model(file, config,
               {.prefix = prefix,
                .allow_missing = options.allow_missing,
                .fit = options.no_fit ? nullptr : &config.model,
                .source = stored_model(file)},
               weights);
  } else {
    rename_only(file, prefix, weights);
  }
  if (naming == Naming::kTessera) {
    std::erase_if(weights.tensors, is_zero_counter);
  } else {
    for (StoredTensor& counter : missing_counters(weights.tensors)) {
      weights.tensors.push_back(std::move(counter));
    }
  }
  std::vector<StoredTensor> tensors =
      rename_tensors(std::span<const StoredTensor>(weights.tensors), naming);
  if (to_folder) {
    write_folder(options, file, tensors, weights);
    return kExitOk;
  }
  for (StoredTensor& buffer : buffers_for(weights, naming)) tensors.push_back(std::move(buffer));
  weights.metadata = file.metadata;
  weights.metadata.erase(kModelJson);
  weights.metadata.erase(kPreprocessorJson);
  if (weights.config) weights.metadata["config"] = to_yaml(*weights.config);
  weights.metadata["naming"] = options.to;
  if (naming == Naming::kHuggingFace) weights.metadata["format"] = "pt";
  write_safetensors(options.out, std::span<const StoredTensor>(tensors), weights.metadata);
  return kExitOk;
}

}  // namespace

Action add_convert_command(Arguments& arguments) {
  auto options = std::make_shared<ConvertOptions>();
  arguments
      .add_option("in", options->in,
                  "Safetensors, .pth, an index of shards, a folder with either, checkpoint or run")
      .required();
  arguments
      .add_option(
          "out", options->out,
          "Safetensors to write; with --to huggingface a folder for from_pretrained, unless "
          "it ends with .safetensors")
      .required();
  arguments
      .add_option("--to", options->to,
                  "Names to write: tessera, torchvision, timm, official, openmmlab or huggingface")
      .one_of({"tessera", "torchvision", "timm", "official", "openmmlab", "huggingface"})
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
                       "What stands before the names: state_dict_ema. (else found by itself)");
  arguments.add_option("--shard-size", options->shard_size,
                       "Of a folder: several files of at most so many bytes, such as 2GB");
  arguments.footer(
      "Without --model names are changed and nothing else: every value keeps its bits and type.\n"
      "With --model the weights become f32; tables, positions and patch kernels of another "
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
