#include "train/initial_model.h"

#include <algorithm>

#include "core/error.h"
#include "formats/huggingface/model_json.h"
#include "formats/read_weights.h"
#include "layers/stage_plan.h"
#include "train/checkpoint.h"
#include "train/config/config.h"

namespace tessera {

namespace {

/// What of `model` the file says nothing about because its weights are those of another task: a
/// model that puts out maps may start from a classifier, from a backbone alone or from another task
/// of maps, where no tensor of its head has one in the file; a classifier from what has learned to
/// fill images in, whose last norm is its own.
LoadOptions::Anew starts_anew(const TensorFile& file, const std::optional<std::string>& prefix,
                              const Model& model) {
  using enum LoadOptions::Anew;
  const HeadType head = model.config().head.type;
  const Translation translation = translate(file, prefix);
  const auto any = [&](const auto& is_so) {
    return std::ranges::any_of(translation.parameters, [&](const Translation::Entry& entry) {
      return is_head(entry.tensor.name) && is_so(entry.tensor.name);
    });
  };
  if (any([&](const std::string& name) { return model.parameters.find(name) != nullptr; }))
    return kNothing;
  if (is_filling(head)) return kHead;
  if (is_dense(head)) return kHeadAndNorms;
  return any([](const std::string& name) { return name.starts_with("head.decoder."); }) ? kHead
                                                                                        : kNothing;
}

}  // namespace

std::optional<ModelConfig> stored_model(const TensorFile& file) {
  try {
    if (const auto json = file.metadata.find(kModelJson); json != file.metadata.end()) {
      return parse_huggingface_model(json->second, file.path).model;
    }
    const auto config = file.metadata.find("config");
    if (config == file.metadata.end()) return std::nullopt;
    const ModelConfig model = parse_config(config->second).model;
    plan_model(model);
    return model;
  } catch (const ConfigError&) {  // of another program, or of another version of this one
    return std::nullopt;
  }
}

void adopt_norms(ModelConfig& model, const std::optional<ModelConfig>& source) {
  if (!source) return;
  if (model.norm_epsilon == 0.0) model.norm_epsilon = source->norm_epsilon;
  if (model.patch_norm_epsilon == 0.0) model.patch_norm_epsilon = source->patch_norm_epsilon;
}

InitialModel load_initial_model(const Config& config) {
  const TensorFile file = load_model_file(config.init.weights);
  const std::optional<ModelConfig> source = stored_model(file);
  ModelConfig model = config.model;
  adopt_norms(model, source);
  InitialModel initial{std::make_unique<Model>(model), {}};
  ParameterStore& parameters = initial.model->parameters;
  parameters.initialize(config.train.seed, static_cast<float>(config.model.init_std));
  const auto prefix = config.init.prefix.empty() ? std::nullopt : std::optional(config.init.prefix);
  initial.report = load_weights(file, named_values(parameters),
                                {.prefix = prefix,
                                 .allow_missing = config.init.allow_missing,
                                 .anew = starts_anew(file, prefix, *initial.model),
                                 .fit = config.init.fit ? &config.model : nullptr,
                                 .source = source});
  return initial;
}

}  // namespace tessera
