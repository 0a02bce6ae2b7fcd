#include "train/checkpoint_meta.h"

#include <cmath>
#include <string_view>

#include "core/error.h"
#include "formats/json.h"
#include "train/config/config.h"
#include "train/sealed_json.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
constexpr int kUnsealed = 1;  ///< version 0.1: without checksums, positions in batches
constexpr int kMetaVersion = 2;

/// JSON has no NaN: a metric that is not finite is written as null.
Json to_json(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

std::optional<double> to_metric(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional(json.get<double>());
}

std::int64_t count_at(const Json& json, const char* name, const fs::path& path) {
  constexpr std::int64_t kMost = std::int64_t{1} << 53;
  const Json& value = json.at(name);
  const bool fits = value.is_number_integer() && value >= 0 && value <= kMost;
  if (!fits) {
    fail<CheckpointError>("[checkpoint] {}: {} {}: expected a whole number, 0 or more",
                          path.string(), name, value.dump());
  }
  return value.get<std::int64_t>();
}

/// Version 0.1 counted batches, of the size that its own configuration says.
std::int64_t samples_at(const Json& json, const std::string& config, const fs::path& path) {
  const std::int64_t batches = count_at(json, "batch_in_epoch", path);
  if (batches == 0) return 0;
  try {
    return batches * parse_config(config, path.string()).data.batch_size;
  } catch (const ConfigError& error) {
    throw CheckpointError(error.what());
  }
}

}  // namespace

std::string encode_meta(const CheckpointMeta& meta) {
  return seal({{"format_version", kMetaVersion},
               {"step", meta.step},
               {"epoch", meta.epoch},
               {"samples_in_epoch", meta.samples_in_epoch},
               {"ended", meta.ended},
               {"metric", to_json(meta.metric)},
               {"best_metric", to_json(meta.best_metric)},
               {"config", meta.config},
               {"files", meta.checksums}});
}

CheckpointMeta decode_meta(const std::string& text, const fs::path& path) {
  const Json json = unseal(text, path, /*must_have_seal=*/false);
  try {
    const int version = json.at("format_version").get<int>();
    if (version != kUnsealed && version != kMetaVersion) {
      fail<CheckpointError>("[checkpoint] {}: format version {}, this program reads {} and {}",
                            path.string(), version, kUnsealed, kMetaVersion);
    }
    CheckpointMeta meta;
    if (version == kMetaVersion) {
      unseal(text, path, /*must_have_seal=*/true);
      json.at("files").get_to(meta.checksums);
    }
    meta.step = count_at(json, "step", path);
    meta.epoch = count_at(json, "epoch", path);
    meta.ended = json.value("ended", false);
    meta.metric = to_metric(json.at("metric"));
    meta.best_metric = to_metric(json.at("best_metric"));
    json.at("config").get_to(meta.config);
    meta.samples_in_epoch = version == kMetaVersion ? count_at(json, "samples_in_epoch", path)
                                                    : samples_at(json, meta.config, path);
    return meta;
  } catch (const nlohmann::json::exception& error) {
    fail<CheckpointError>("[checkpoint] {}: {}", path.string(), reason_of(error));
  }
}

}  // namespace tessera
