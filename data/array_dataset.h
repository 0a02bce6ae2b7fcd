// Data sets that are small enough to be kept in memory.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace tessera {

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

  /// What `sample_name` says before the number that a sample has had since: `test#57`.
  void name_samples(std::string part);

  /// Keeps the first `samples`. Throws DataError if there are fewer.
  void truncate(std::int64_t samples);

  /// Keeps the samples whose place in `chosen` says so, in their order.
  void select(const std::vector<bool>& chosen);

  std::span<const std::uint8_t> labels() const { return labels_; }

 private:
  std::vector<std::uint8_t> pixels_;
  std::vector<std::uint8_t> labels_;
  std::string part_;
  std::vector<std::int64_t> numbers_;  ///< of the samples before any were left out
};

}  // namespace tessera
