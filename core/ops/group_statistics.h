// Means and variances of channels, or groups of them, over many rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/batch_part.h"
#include "core/kernels/element.h"
#include "core/tensor.h"

namespace tessera {

/// A tensor [..., C] as `samples` x `rows` x C, whose channels share statistics in `groups` equal
/// groups. Batch norm: one sample, as many groups as channels.
struct ChannelGroups {
  std::int64_t samples = 0;
  std::int64_t rows = 0;  ///< of a sample
  std::int64_t channels = 0;
  std::int64_t groups = 0;

  /// Values that one mean is taken of.
  std::int64_t count() const { return rows * channels / groups; }
};

/// Mean and biased variance, [samples, groups] each.
struct GroupStatistics {
  std::vector<double> mean;
  std::vector<double> variance;
};

/// Those of all rows that peers have, with as many groups each, and how many they are: for batch
/// norm. `mine` are of `count` rows.
GroupStatistics joined_statistics(const GroupStatistics& mine, Peers& peers, double& count);

/// Of x f32 or bf16. The same bits for any number of threads.
GroupStatistics group_statistics(const Tensor& x, const ChannelGroups& groups);

/// Rows [first, first + rows) of a tensor, all of one sample, are a chunk: what a thread takes at
/// once. Chunks depend on shapes alone.
class RowChunks {
 public:
  explicit RowChunks(const ChannelGroups& groups);

  /// Of a sample.
  std::int64_t count() const { return count_; }

  /// Calls `body(sample * count() + chunk, first row, rows)` for every chunk of every sample.
  template <typename Body>
  void for_each(Body&& body) const {
    parallel_for(samples_ * count_, row_grain(size_ * channels_),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t at = begin; at < end; ++at) {
                     const std::int64_t first = at % count_ * size_;
                     body(at, at / count_ * rows_ + first, std::min(size_, rows_ - first));
                   }
                 });
  }

 private:
  std::int64_t samples_, rows_, channels_;
  std::int64_t size_ = 1, count_ = 0;
};

/// Rows whose sums may be taken in f32 before they are added up in double: they stay in the first
/// cache.
std::int64_t block_rows(std::int64_t channels);

}  // namespace tessera
