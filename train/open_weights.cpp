#include "train/open_weights.h"

#include <fmt/ranges.h>

#include "core/error.h"
#include "core/text.h"
#include "formats/huggingface/model_json.h"
#include "formats/huggingface/preprocessor_json.h"
#include "formats/read_weights.h"
#include "formats/shards.h"
#include "formats/weights/infer_model.h"
#include "formats/weights/load_weights.h"
#include "layers/stage_plan.h"
#include "train/checkpoint.h"
#include "train/config/config.h"
#include "train/initial_model.h"
#include "train/log.h"
#include "train/readable.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

/// What of a file's own metadata there is; nothing if it is of another program or version.
std::optional<Config> own_configuration(const TensorFile& file) {
  const auto text = file.metadata.find("config");
  if (text == file.metadata.end()) return std::nullopt;
  try {
    Config config = parse_config(text->second);
    plan_model(config.model);
    return config;
  } catch (const ConfigError&) {
    return std::nullopt;
  }
}

/// Images as the model takes them, of classes that no folder is known for.
void set_data(Config& config, std::vector<std::string> classes,
              const Preprocessing& preprocessing) {
  const ModelConfig& model = config.model;
  DataConfig& data = config.data;
  data.name = DatasetName::kImageFolder;
  if (is_dense(model.head.type)) {
    config.task.name = TaskName::kSegmentation;
    config.train.best_by = main_metric(config);
    data.name = DatasetName::kImageMasks;
  }
  data.image = {model.image_size[0], model.image_size[1], model.in_channels};
  data.classes = class_names_up_to(model.num_classes, std::move(classes));
  data.mean = preprocessing.mean;
  data.std = preprocessing.std;
  data.resize.interpolation =
      preprocessing.bicubic ? Interpolation::kBicubic : Interpolation::kBilinear;
  data.resize.test_crop = preprocessing.test_crop;
}

}  // namespace

Config configuration_for(const TensorFile& file, std::vector<std::string>& notes,
                         const std::optional<std::string>& prefix) {
  if (auto own = own_configuration(file)) return *own;
  Config config;
  if (const auto json = file.metadata.find(kModelJson); json != file.metadata.end()) {
    const HuggingFaceModel model = parse_huggingface_model(json->second, file.path);
    config.model = model.model;
    Preprocessing preprocessing{.bicubic = true};
    if (const auto text = file.metadata.find(kPreprocessorJson); text != file.metadata.end()) {
      preprocessing = parse_preprocessor_json(text->second, file.path);
    } else {
      notes.emplace_back("no preprocessor_config.json: normalised as ImageNet, bicubic");
    }
    set_data(config, model.classes, preprocessing);
    return config;
  }
  const InferredModel inferred = infer_model(file, translate(file, prefix));
  config.model = inferred.model;
  set_data(config, {}, {.bicubic = true});
  std::vector<std::string> guesses{"data.mean", "data.std"};
  guesses.insert(guesses.end(), inferred.guesses.begin(), inferred.guesses.end());
  notes.push_back(
      fmt::format("the model is that of names and shapes; guessed: {} (--set changes one)",
                  fmt::join(guesses, ", ")));
  return config;
}

bool are_weights(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return weights_in(path) && !fs::exists(path / "meta.json", error);
  }
  return fs::is_regular_file(path, error);
}

SavedModel open_weights(const fs::path& path, std::span<const std::string> overrides) {
  Quantization codes;
  const TensorFile file = load_model_file(path, &codes);
  std::vector<std::string> notes;
  Config config = configuration_for(file, notes);
  if (!overrides.empty()) config = parse_config(to_yaml(config), file.path, overrides);
  for (const std::string& note : notes) notice("{}: {}", shown(path.string()), note);
  Model model(config.model);
  const LoadReport report = load_weights(file, named_values(model.parameters),
                                         {.fit = &config.model, .source = stored_model(file)});
  for (const std::string& line : report.summary()) notice("{}: {}", shown(path.string()), line);
  SavedModel saved;
  saved.config = config;
  saved.path = path;
  saved.meta.config = to_yaml(config);
  saved.learner = std::make_unique<Learner>(saved.config);
  saved.learner->start_from(model.parameters);
  saved.codes = codes;
  if (!codes.empty() && !saved.learner->quantize(codes)) {
    notice("{}: this CPU has no products of 8 bits (AVX-512 VNNI): computed in floating point",
           shown(path.string()));
  }
  saved.learner->evaluate_only();
  return saved;
}

}  // namespace tessera
