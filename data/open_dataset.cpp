#include "data/open_dataset.h"

#include <algorithm>
#include <cstdint>

#include "core/error.h"
#include "data/array_dataset.h"
#include "data/hold_out.h"
#include "data/known_sets.h"

namespace tessera {
namespace {

/// Data sets of two parts.
std::unique_ptr<Dataset> open_arrays(const DataConfig& config, Split split) {
  const bool is_held_out = split == Split::kVal && holds_out(config);
  const Split stored = split == Split::kTrain || is_held_out ? Split::kTrain : Split::kTest;
  std::unique_ptr<ArrayDataset> dataset = known_set(config.name).read(config, stored);
  dataset->name_samples(stored == Split::kTrain ? "train" : "test");
  if (stored == Split::kTrain && holds_out(config)) {
    const std::vector<std::int64_t> labels(dataset->labels().begin(), dataset->labels().end());
    std::vector<bool> chosen = held_out(labels, config);
    if (!is_held_out) chosen.flip();
    dataset->select(chosen);
  }
  std::int64_t samples = split == Split::kTrain ? config.train_samples : config.test_samples;
  if (is_held_out) samples = std::min(samples, dataset->size());
  if (samples > 0) dataset->truncate(samples);
  return dataset;
}

}  // namespace

std::unique_ptr<Dataset> open_dataset(const DataConfig& config, Split split) {
  const KnownSet& set = known_set(config.name);
  return set.open ? set.open(config, split) : open_arrays(config, split);
}

bool validates_on_test(const DataConfig& config) {
  const KnownSet& set = known_set(config.name);
  return set.validates_on_test ? set.validates_on_test(config) : !holds_out(config);
}

std::vector<std::string> dataset_classes(const DataConfig& config) {
  const KnownSet& set = known_set(config.name);
  return set.classes ? set.classes(config) : set.info.class_names;
}

}  // namespace tessera
