#include "core/ops/group_statistics.h"

namespace tessera {
namespace {

constexpr std::int64_t kBlockFloats = 4096;
constexpr std::int64_t kMaxChunks = 64;  // of a sample

template <typename T>
TESSERA_KERNEL void add_row(const T* x, std::int64_t channels, float* sum) {
#pragma omp simd
  for (std::int64_t c = 0; c < channels; ++c) sum[c] += load(x[c]);
}

template <typename T>
TESSERA_KERNEL void add_squares(const T* x, const float* mean, std::int64_t channels, float* sum) {
#pragma omp simd
  for (std::int64_t c = 0; c < channels; ++c) {
    const float d = load(x[c]) - mean[c];
    sum[c] += d * d;
  }
}

/// Count, mean and sum of squared distances from it; two sets join as in Chan et al. 1979.
struct Moments {
  double count = 0.0, mean = 0.0, squares = 0.0;

  void join(const Moments& other) {
    if (other.count == 0.0) return;
    const double total = count + other.count, step = other.mean - mean;
    mean += step * other.count / total;
    squares += other.squares + step * step * count * other.count / total;
    count = total;
  }
};

template <typename T>
void chunk_moments(const T* x, std::int64_t rows, std::int64_t channels, Moments* moments) {
  std::vector<float> mean(static_cast<std::size_t>(channels)), squares(mean.size());
  const std::int64_t block = block_rows(channels);
  for (std::int64_t first = 0; first < rows; first += block) {
    const std::int64_t count = std::min(block, rows - first);
    const T* at = x + first * channels;
    std::fill(mean.begin(), mean.end(), 0.0f);
    std::fill(squares.begin(), squares.end(), 0.0f);
    for (std::int64_t r = 0; r < count; ++r) add_row(at + r * channels, channels, mean.data());
    for (float& value : mean) value /= static_cast<float>(count);
    for (std::int64_t r = 0; r < count; ++r) {
      add_squares(at + r * channels, mean.data(), channels, squares.data());
    }
    for (std::size_t c = 0; c < mean.size(); ++c) {
      moments[c].join({static_cast<double>(count), double{mean[c]}, double{squares[c]}});
    }
  }
}

}  // namespace

std::int64_t block_rows(std::int64_t channels) {
  return std::max<std::int64_t>(8, kBlockFloats / channels);
}

RowChunks::RowChunks(const ChannelGroups& groups)
    : samples_(groups.samples), rows_(groups.rows), channels_(groups.channels) {
  const std::int64_t block = block_rows(channels_);
  const std::int64_t blocks = (rows_ + block - 1) / block;
  size_ = std::max<std::int64_t>(1, (blocks + kMaxChunks - 1) / kMaxChunks * block);
  count_ = (rows_ + size_ - 1) / size_;
}

GroupStatistics joined_statistics(const GroupStatistics& mine, Peers& peers, double& count) {
  const std::size_t groups = mine.mean.size();
  std::vector<double> message = {count};
  message.insert(message.end(), mine.mean.begin(), mine.mean.end());
  message.insert(message.end(), mine.variance.begin(), mine.variance.end());
  const std::vector<double> all = peers.gather(message);
  std::vector<Moments> joined(groups);
  double total = 0.0;
  for (std::size_t at = 0; at < all.size(); at += message.size()) {
    const double* const other = all.data() + at;
    total += other[0];
    for (std::size_t c = 0; c < groups; ++c) {
      joined[c].join({other[0], other[1 + c], other[0] * other[1 + groups + c]});
    }
  }
  count = total;
  GroupStatistics result;
  for (const Moments& group : joined) {
    result.mean.push_back(group.mean);
    result.variance.push_back(group.squares / std::max(1.0, group.count));
  }
  return result;
}

GroupStatistics group_statistics(const Tensor& x, const ChannelGroups& g) {
  const RowChunks row_chunks(g);
  const std::int64_t chunks = row_chunks.count(), width = g.channels / g.groups;
  std::vector<Moments> partial(static_cast<std::size_t>(g.samples * chunks * g.channels));
  with_element_type(x.dtype(), [&](auto element) {
    using T = decltype(element);
    row_chunks.for_each([&](std::int64_t at, std::int64_t row, std::int64_t rows) {
      chunk_moments(x.data<T>() + row * g.channels, rows, g.channels,
                    partial.data() + at * g.channels);
    });
  });
  GroupStatistics result;
  for (std::int64_t s = 0; s < g.samples; ++s) {
    for (std::int64_t first = 0; first < g.channels; first += width) {
      Moments group;
      for (std::int64_t chunk = s * chunks; chunk < (s + 1) * chunks; ++chunk) {
        for (std::int64_t c = first; c < first + width; ++c) {
          group.join(partial[static_cast<std::size_t>(chunk * g.channels + c)]);
        }
      }
      result.mean.push_back(group.mean);
      result.variance.push_back(group.squares / std::max(1.0, group.count));
    }
  }
  return result;
}

}  // namespace tessera
