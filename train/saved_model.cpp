#include "train/saved_model.h"

#include "core/error.h"
#include "core/text.h"
#include "formats/read_weights.h"
#include "formats/weights/load_weights.h"
#include "train/config/config.h"
#include "train/log.h"
#include "train/open_weights.h"

namespace tessera {

namespace {

/// Of the best checkpoint of `path`.
Config config_of(const CheckpointMeta& meta, const std::filesystem::path& path,
                 std::span<const std::string> overrides) {
  return parse_config(meta.config, (path / "meta.json").string(), overrides);
}

void refuse_settings(const std::filesystem::path& path) {
  const bool settings = path.extension() == ".yaml" || path.extension() == ".yml";
  if (settings && std::filesystem::is_regular_file(path)) {
    fail<CheckpointError>(
        "{}: is a file of settings: give a run's folder, a checkpoint's or weights", path.string());
  }
}

}  // namespace

bool is_saved_model(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error) || is_weight_file(path)) return true;
  const bool spoken_of = path.filename() == to_string(CheckpointChoice::kLast) ||
                         path.filename() == to_string(CheckpointChoice::kBest);
  return spoken_of && !std::filesystem::exists(path, error);
}

Config read_saved_config(const std::filesystem::path& path, std::span<const std::string> overrides,
                         std::vector<std::string>* notes) {
  refuse_settings(path);
  if (!are_weights(path)) {
    return config_of(read_checkpoint_meta(path, CheckpointChoice::kBest), path, overrides);
  }
  Quantization codes;
  const TensorFile file = load_model_file(path, &codes);
  std::vector<std::string> guesses;
  const Config config = configuration_for(file, notes != nullptr ? *notes : guesses);
  return overrides.empty() ? config : parse_config(to_yaml(config), file.path, overrides);
}

SavedModel load_saved_model(const std::filesystem::path& path,
                            std::span<const std::string> overrides) {
  refuse_settings(path);
  if (are_weights(path)) return open_weights(path, overrides);
  const LoadedCheckpoint checkpoint = load_checkpoint(path, CheckpointChoice::kBest);
  for (const std::string& note : checkpoint.notes) notice("{}", note);
  SavedModel saved;
  saved.config = config_of(checkpoint.meta, checkpoint.path.parent_path(), overrides);
  saved.path = checkpoint.path;
  saved.meta = checkpoint.meta;
  saved.learner = std::make_unique<Learner>(saved.config);
  saved.learner->restore(checkpoint.model, checkpoint.state);
  saved.learner->evaluate_only();
  return saved;
}

SavedModel fit_saved_model(const SavedModel& saved, std::span<const std::string> overrides) {
  SavedModel fitted{.config = parse_config(to_yaml(saved.config), saved.path.string(), overrides),
                    .path = saved.path,
                    .meta = saved.meta,
                    .codes = {},
                    .learner = nullptr};
  if (!saved.codes.empty()) {
    notice("{}: of 8 bits; in another geometry it computes in floating point",
           shown(saved.path.string()));
  }
  fitted.learner = std::make_unique<Learner>(fitted.config);
  TensorFile file{.path = saved.path.string(), .metadata = {{"naming", "tessera"}}, .tensors = {}};
  for (const NamedTensor& named : named_values(saved.learner->model().parameters)) {
    file.tensors.push_back(view_of(named.name, named.tensor));
  }
  try {
    load_weights(file, named_values(fitted.learner->model().parameters),
                 {.fit = &fitted.config.model, .source = saved.config.model});
  } catch (const CheckpointError& error) {
    throw ConfigError(error.what());
  }
  return fitted;
}

}  // namespace tessera
