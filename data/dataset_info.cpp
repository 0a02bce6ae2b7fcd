#include "data/dataset_info.h"

#include <cmath>

#include "core/error.h"
#include "data/known_sets.h"

namespace tessera {
namespace {

void check_normalization(const DatasetInfo& info, const Normalization& normalization) {
  const auto check = [&](const char* key, const std::vector<float>& values) {
    if (static_cast<std::int64_t>(values.size()) != info.image.channels) {
      fail<ConfigError>("[data] {} has {} values, {} has {} channels", key, values.size(),
                        info.name, info.image.channels);
    }
    for (const float value : values) {
      if (!std::isfinite(value)) fail<ConfigError>("[data] {} holds {}", key, value);
    }
  };
  check("mean", normalization.mean);
  check("std", normalization.std);
  for (const float value : normalization.std) {
    if (value <= 0.0f) fail<ConfigError>("[data] std must be positive, found {}", value);
  }
}

}  // namespace

DatasetInfo dataset_info(DatasetName name) { return known_set(name).info; }

TargetKind target_kind_of(DatasetName name) { return known_set(name).target; }

bool lies_in_files(DatasetName name) { return known_set(name).open != nullptr; }

DatasetInfo dataset_info(const DataConfig& config) {
  DatasetInfo info = dataset_info(config.name);
  if (!lies_in_files(config.name)) return info;
  info.class_names = config.classes;
  if (config.image.numel() > 0) info.image = config.image;
  info.normalization = photo_normalization(info.image.channels);
  return info;
}

Normalization normalization_of(const DataConfig& config) {
  const DatasetInfo info = dataset_info(config);
  Normalization normalization = info.normalization;
  if (!config.mean.empty()) normalization.mean = config.mean;
  if (!config.std.empty()) normalization.std = config.std;
  check_normalization(info, normalization);
  return normalization;
}

}  // namespace tessera
