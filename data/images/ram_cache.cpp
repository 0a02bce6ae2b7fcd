#include "data/images/ram_cache.h"

#include "core/memory_limit.h"

namespace tessera {

RamCache::RamCache(std::int64_t samples, RamBudget& budget)
    : images_(static_cast<std::size_t>(samples)), budget_(budget) {}

RamCache::~RamCache() {
  for (const auto& image : images_) {
    const Image* const kept = image.load();
    if (kept != nullptr) budget_.used -= bytes_of(*kept);
    delete kept;
  }
}

const Image* RamCache::find(std::int64_t i) const {
  return images_[static_cast<std::size_t>(i)].load(std::memory_order_acquire);
}

const Image* RamCache::keep(std::int64_t i, const Image& image) {
  const std::uint64_t bytes = bytes_of(image);
  if (budget_.used.fetch_add(bytes) + bytes > budget_.limit) {
    budget_.used -= bytes;
    return nullptr;
  }
  auto copy = std::make_unique<const Image>(image);
  const Image* none = nullptr;
  if (images_[static_cast<std::size_t>(i)].compare_exchange_strong(none, copy.get(),
                                                                   std::memory_order_acq_rel)) {
    return copy.release();
  }
  budget_.used -= bytes;
  return none;
}

RamBudget& ram_budget() {
  static RamBudget budget{static_cast<std::uint64_t>(machine_memory()) / 2};
  return budget;
}

}  // namespace tessera
