#include "core/memory_pool.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>
#include <vector>

#include "core/address_range.h"

namespace tessera {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Eight classes an octave: a block is at most one eighth larger than what was asked for.
constexpr int kStepsLog2 = 3;

struct SizeClass {
  int index;
  std::size_t bytes;
};

SizeClass size_class(std::size_t bytes) {
  const std::size_t units = std::max<std::size_t>(1, (bytes + kAlignment - 1) / kAlignment);
  const int octave = static_cast<int>(std::bit_width(units)) - 1;
  const int shift = std::max(0, octave - kStepsLog2);
  const std::size_t step = std::size_t{1} << shift;
  const std::size_t rounded = (units + step - 1) / step;  // in [8, 16] once shift > 0
  return {shift * (1 << kStepsLog2) + static_cast<int>(rounded), rounded * step * kAlignment};
}

/// From here on a block lies in one range of addresses: kept by size, such blocks took a quarter
/// more memory than was ever in use at once.
constexpr std::size_t kLarge = std::size_t{1} << 20;

/// All that the machine has may be wanted; addresses cost nothing. Where they are limited, or where
/// the sanitizer shall see every block's end, there is no range, and large blocks are as small
/// ones.
std::size_t range_bytes() {
#if defined(__SANITIZE_ADDRESS__)
  return 0;
#else
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return 0;
  const auto pages = static_cast<std::size_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
#endif
}

/// Blocks in the range. Under the pool's lock.
struct LargeBlocks {
  AddressRange range{range_bytes()};
  std::vector<Block*> spare;  // without memory

  static LargeBlocks& global() {
    static LargeBlocks* blocks = new LargeBlocks;
    return *blocks;
  }

  /// None if the range has no room.
  Block* acquire(std::size_t bytes, PoolStats& stats) {
    constexpr std::size_t kStep = AddressRange::kStep;
    const std::size_t capacity = (bytes + kStep - 1) / kStep * kStep;
    const std::size_t touched = range.touched();
    std::byte* const data = range.acquire(capacity);
    if (data == nullptr) return nullptr;
    if (range.touched() > touched) {
      ++stats.system_allocations;
      stats.reserved_bytes += range.touched() - touched;
    }
    if (spare.empty()) spare.push_back(new Block);
    Block* const block = spare.back();
    spare.pop_back();
    block->capacity = capacity;
    block->data = data;
    return block;
  }

  /// False if the block is none of these.
  bool release(Block* block) {
    if (!range.holds(block->data)) return false;
    range.release(block->data, block->capacity);
    spare.push_back(block);
    return true;
  }
};

std::byte* system_allocate(std::size_t bytes) {
  const bool huge = bytes >= kHugePage;
  const std::size_t alignment = huge ? kHugePage : kAlignment;
  void* data = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (data == nullptr) throw std::bad_alloc();
  if (huge) madvise(data, bytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(data);
}

}  // namespace

Pool& Pool::global() {
  static Pool* pool = new Pool;
  return *pool;
}

Block* Pool::acquire(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  Block* block = bytes >= kLarge ? LargeBlocks::global().acquire(bytes, stats_) : nullptr;
  if (block == nullptr) {
    const auto [index, capacity] = size_class(bytes);
    std::vector<Block*>& kept = free_.at(static_cast<std::size_t>(index));
    if (!kept.empty()) {
      block = kept.back();
      kept.pop_back();
    } else {
      std::byte* data = system_allocate(capacity);
      block = new Block;
      block->data = data;
      block->capacity = capacity;
      block->size_class = index;
      ++stats_.system_allocations;
      stats_.reserved_bytes += capacity;
    }
  }
  block->references.store(1, std::memory_order_relaxed);
  stats_.live_bytes += block->capacity;
  stats_.peak_live_bytes = std::max(stats_.peak_live_bytes, stats_.live_bytes);
  return block;
}

void Pool::release(Block* block) noexcept {
  const std::lock_guard lock(mutex_);
  stats_.live_bytes -= block->capacity;
  if (LargeBlocks::global().release(block)) return;
  free_[static_cast<std::size_t>(block->size_class)].push_back(block);
}

PoolStats Pool::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void Pool::reset_peak() {
  const std::lock_guard lock(mutex_);
  stats_.peak_live_bytes = stats_.live_bytes;
}

}  // namespace tessera
