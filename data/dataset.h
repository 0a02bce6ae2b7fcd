// Images, each with what is known of it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/dataset_info.h"
#include "data/sample.h"

namespace tessera {

/// What a run is trained on, what it is tested on meanwhile, and what is kept for the end. Data
/// sets of two parts have the same images as kVal and kTest, unless a share of training is held
/// out.
enum class Split : std::uint8_t { kTrain, kVal, kTest };

/// Images with a target each. Reading is thread-safe: loader workers share it.
class Dataset {
 public:
  explicit Dataset(DatasetInfo info) : info_(std::move(info)) {}
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;
  virtual ~Dataset() = default;

  const std::string& name() const { return info_.name; }

  /// What a network sees of a sample; a sample may have other sides, but has these channels.
  const ImageShape& image() const { return info_.image; }

  std::int64_t num_classes() const { return info_.num_classes(); }
  const std::vector<std::string>& class_names() const { return info_.class_names; }

  virtual std::int64_t size() const = 0;

  /// Sample `i`: pixels of the data set's own, or decoded into `buffer`; valid as long as both are.
  /// Throws DataError that names the file if it cannot be read.
  virtual ImageView read(std::int64_t i, Image& buffer) const = 0;

  virtual TargetKind target_kind() const { return TargetKind::kClass; }

  /// In [0, num_classes). Throws DataError if targets are of another kind.
  virtual std::int32_t label(std::int64_t i) const;

  /// Masks and boxes fit the image that `read` gives, whatever its size. Throws DataError that
  /// names the file and the place in it if the target cannot be read.
  virtual Target target(std::int64_t i) const { return {label(i), {}, {}}; }

  /// What a person would look for: a path below the root, or a number.
  virtual std::string sample_name(std::int64_t i) const = 0;

  /// What the annotations call a sample and a class by number, where they do; else numbers from 1.
  virtual std::int64_t sample_id(std::int64_t i) const { return i + 1; }
  virtual std::int64_t class_id(std::int64_t label) const { return label + 1; }

  /// Identifies the content: all samples and labels in order. Of files it takes names and sizes.
  virtual std::uint64_t fingerprint() const = 0;

  /// What went wrong since the last call without being an error.
  virtual std::vector<std::string> take_warnings() const { return {}; }

 private:
  DatasetInfo info_;
};

}  // namespace tessera
