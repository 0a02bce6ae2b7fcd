// Which part of a dense data set a split is.
#pragma once

#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/error.h"
#include "core/text.h"
#include "data/data_config.h"
#include "data/dataset.h"
#include "data/hold_out.h"

namespace tessera {

/// Parts that a data set has beside training, of its own or by lists.
struct Parts {
  bool val = false;
  bool test = false;
};

/// Names that folders and files of a part go by.
std::span<const char* const> names_of_part(Split part);

/// The part whose samples `split` is made of: kVal is val, what is held out of training or, where
/// there is neither, test; kTest is test or what kVal is. Throws DataError where there is no such
/// part, or two ways to one; `root` is for messages, as it may be shown.
Split stored_part(const DataConfig& config, Split split, const Parts& parts,
                  const std::string& root);

/// Whether kVal and kTest are the same images.
bool parts_coincide(const DataConfig& config, const Parts& parts);

/// Paths that `data.skip` lists.
std::unordered_set<std::string> paths_to_skip(const DataConfig& config);

/// What of the samples of a part belongs to the split: what is held out or not, and of that as many
/// as the configuration asks for. `T` has `path`. Throws DataError if that leaves none or there are
/// fewer.
template <typename T>
std::vector<T> samples_of_split(std::vector<T> samples, const DataConfig& config, Split split,
                                Split part) {
  const bool is_held_out = part == Split::kTrain && split != Split::kTrain;
  if (part == Split::kTrain && holds_out(config)) {
    const std::vector<std::int64_t> one_class(samples.size());
    const std::vector<bool> out = held_out(one_class, config);
    std::vector<T> kept;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      if (out[i] == is_held_out) kept.push_back(std::move(samples[i]));
    }
    samples = std::move(kept);
  }
  // After the draw, which is then the same whatever is skipped.
  const std::unordered_set<std::string> skipped = paths_to_skip(config);
  std::erase_if(samples, [&](const T& sample) { return skipped.contains(sample.path); });
  if (samples.empty()) fail<DataError>("[data] {}: no image is left", shown(config.root));
  const std::int64_t wanted = split == Split::kTrain ? config.train_samples : config.test_samples;
  const auto size = static_cast<std::int64_t>(samples.size());
  if (wanted > size && !is_held_out) {
    fail<DataError>("[data] {} samples asked for, {} has {}", wanted, shown(config.root), size);
  }
  if (wanted > 0 && wanted < size) samples.resize(static_cast<std::size_t>(wanted));
  return samples;
}

/// data.train_list, val_list or test_list.
const std::string& list_of(const DataConfig& config, Split part);

}  // namespace tessera
