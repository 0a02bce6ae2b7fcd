// Decoded images in memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/images/image.h"

namespace tessera {

/// What several caches may take together, in bytes.
struct RamBudget {
  std::uint64_t limit = 0;
  std::atomic<std::uint64_t> used = 0;
};

/// That of the process, for all splits of all data sets: half of the memory of the machine, or of
/// the cgroup where that has less.
RamBudget& ram_budget();

/// Thread-safe. What does not fit in `budget`, which must outlive the cache, is not kept.
class RamCache {
 public:
  RamCache(std::int64_t samples, RamBudget& budget);
  RamCache(const RamCache&) = delete;
  RamCache& operator=(const RamCache&) = delete;
  ~RamCache();

  /// Sample `i`, valid as long as the cache is, or null.
  const Image* find(std::int64_t i) const;

  /// The kept copy, of another thread if that was faster; null if there is no room.
  const Image* keep(std::int64_t i, const Image& image);

 private:
  static std::uint64_t bytes_of(const Image& image) { return sizeof(Image) + image.pixels.size(); }

  std::vector<std::atomic<const Image*>> images_;
  RamBudget& budget_;
};

}  // namespace tessera
