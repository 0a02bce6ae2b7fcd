#include "study/run_identity.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "train/config/config.h"
#include "train/config/schema.h"

namespace tessera {
namespace {

constexpr std::array<const char*, 7> kMachineKeys = {
    "train.threads",     "train.recompute",   "data.workers",          "data.cache",
    "data.cache_folder", "train.tensorboard", "train.checkpoint_every"};

/// The value of `key` as a configuration file has it.
std::string value_of(Config config, const std::string& key) {
  return schema_of(config).find_key(key)->write();
}

}  // namespace

RunIdentity::RunIdentity(std::span<const Cell> cells) {
  for (const std::string key : kMachineKeys) {
    const bool differs = std::any_of(cells.begin(), cells.end(), [&](const Cell& cell) {
      return value_of(cell.config, key) != value_of(cells.front().config, key);
    });
    if (differs) kept_.push_back(key);
  }
}

std::string RunIdentity::of(const Config& config) const {
  const auto keeps = [&](const char* key) {
    return std::find(kept_.begin(), kept_.end(), key) != kept_.end();
  };
  Config own = config;
  const Config plain;
  own.train.out = plain.train.out;
  if (!keeps("train.threads")) own.train.threads = plain.train.threads;
  if (!keeps("train.recompute")) own.train.recompute = plain.train.recompute;
  if (!keeps("data.workers")) own.data.workers = plain.data.workers;
  if (!keeps("data.cache")) own.data.cache = plain.data.cache;
  if (!keeps("data.cache_folder")) own.data.cache_folder = plain.data.cache_folder;
  if (!keeps("train.tensorboard")) own.train.tensorboard = plain.train.tensorboard;
  if (!keeps("train.checkpoint_every")) own.train.checkpoint_every = plain.train.checkpoint_every;
  return to_yaml(own);
}

std::vector<std::string> machine_overrides(const Config& run, const Config& wanted) {
  std::vector<std::string> overrides;
  for (const std::string key : kMachineKeys) {
    const std::string value = value_of(wanted, key);
    if (value != value_of(run, key)) overrides.push_back(fmt::format("{}={}", key, value));
  }
  return overrides;
}

}  // namespace tessera
