#include "data/images/ram_cache.h"

#include <unistd.h>

namespace tessera {

RamCache::RamCache(std::int64_t samples, std::uint64_t limit)
    : images_(static_cast<std::size_t>(samples)), limit_(limit) {}

RamCache::~RamCache() {
  for (const auto& image : images_) delete image.load();
}

const Image* RamCache::find(std::int64_t i) const {
  return images_[static_cast<std::size_t>(i)].load(std::memory_order_acquire);
}

const Image* RamCache::keep(std::int64_t i, const Image& image) {
  const std::uint64_t bytes = sizeof(Image) + image.pixels.size();
  if (used_.fetch_add(bytes) + bytes > limit_) {
    used_ -= bytes;
    return nullptr;
  }
  auto copy = std::make_unique<const Image>(image);
  const Image* none = nullptr;
  if (images_[static_cast<std::size_t>(i)].compare_exchange_strong(none, copy.get(),
                                                                   std::memory_order_acq_rel)) {
    return copy.release();
  }
  used_ -= bytes;
  return none;
}

std::uint64_t ram_cache_limit() {
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / 2;
}

}  // namespace tessera
