// Decoded images in memory.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "data/images/image.h"

namespace tessera {

/// Thread-safe. What does not fit in `limit` bytes is not kept.
class RamCache {
 public:
  RamCache(std::int64_t samples, std::uint64_t limit);
  RamCache(const RamCache&) = delete;
  RamCache& operator=(const RamCache&) = delete;
  ~RamCache();

  /// Sample `i`, valid as long as the cache is, or null.
  const Image* find(std::int64_t i) const;

  /// The kept copy, of another thread if that was faster; null if there is no room.
  const Image* keep(std::int64_t i, const Image& image);

 private:
  std::vector<std::atomic<const Image*>> images_;
  std::uint64_t limit_;
  std::atomic<std::uint64_t> used_ = 0;
};

/// Half of the memory of the machine.
std::uint64_t ram_cache_limit();

}  // namespace tessera
