// Labelled images, and the one place that opens them by name.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/data_config.h"
#include "data/dataset_info.h"
#include "data/images/image.h"

namespace tessera {

/// What a run is trained on, what it is tested on meanwhile, and what is kept for the end. Data
/// sets of two parts have the same images as kVal and kTest.
enum class Split : std::uint8_t { kTrain, kVal, kTest };

/// Images with one label each. Reading is thread-safe: loader workers share it.
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

  /// In [0, num_classes).
  virtual std::int32_t label(std::int64_t i) const = 0;

  /// What a person would look for: a path below the root, or a number.
  virtual std::string sample_name(std::int64_t i) const = 0;

  /// Identifies the content: all samples and labels in order. Of files it takes names and sizes.
  virtual std::uint64_t fingerprint() const = 0;

  /// What went wrong since the last call without being an error.
  virtual std::vector<std::string> take_warnings() const { return {}; }

 private:
  DatasetInfo info_;
};

/// All images in one block of memory.
class ArrayDataset final : public Dataset {
 public:
  /// `pixels` is [labels, height, width, channels]. Throws DataError if the sizes disagree or a
  /// label is not a class.
  ArrayDataset(DatasetInfo info, std::vector<std::uint8_t> pixels,
               std::vector<std::uint8_t> labels);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  ImageView read(std::int64_t i, Image& buffer) const override;
  std::int32_t label(std::int64_t i) const override;
  std::string sample_name(std::int64_t i) const override;
  std::uint64_t fingerprint() const override;

  /// Pixels of sample `i`, [height, width, channels]; valid as long as the data set is.
  std::span<const std::uint8_t> pixels(std::int64_t i) const;

  /// Keeps the first `samples`. Throws DataError if there are fewer.
  void truncate(std::int64_t samples);

 private:
  std::vector<std::uint8_t> pixels_;
  std::vector<std::uint8_t> labels_;
};

/// Opens one split of the configured data set. Throws DataError that names the file and what is
/// wrong with it, or where the files were searched and where to get them.
std::unique_ptr<Dataset> open_dataset(const DataConfig& config, Split split);

}  // namespace tessera
