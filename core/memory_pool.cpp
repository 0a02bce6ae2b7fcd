#include "core/memory_pool.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>
#include <optional>
#include <vector>

#include "core/best_fit.h"

namespace tessera {
namespace {

constexpr std::size_t kAlignment = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;

constexpr int kLargeClass = -1;

/// All that the machine has may be wanted, and addresses cost nothing. 0 where they are limited,
/// and where the sanitizer shall see the end of every block: large blocks are then as small ones.
std::size_t range_size() {
#if defined(__SANITIZE_ADDRESS__)
  return 0;
#else
  rlimit limit{};
  if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return 0;
  const auto pages = static_cast<std::size_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
#endif
}

/// Addresses whose pages the system gives when they are touched; null if it has none.
std::byte* reserve(std::size_t bytes) {
  if (bytes == 0) return nullptr;
  void* const start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  ::madvise(start, bytes, MADV_HUGEPAGE);
  return static_cast<std::byte*>(start);
}

/// Blocks of one range of addresses. Under the pool's lock.
class LargeBlocks {
 public:
  static LargeBlocks& global() {
    static LargeBlocks* blocks = new LargeBlocks(range_size());
    return *blocks;
  }

  /// None if the range has no room.
  Block* acquire(std::size_t bytes, PoolStats& stats) {
    const std::size_t capacity = large_capacity(bytes), touched = places_.touched();
    const std::optional<std::size_t> offset = places_.acquire(capacity);
    if (!offset) return nullptr;
    if (places_.touched() > touched) {
      ++stats.system_allocations;
      stats.reserved_bytes += places_.touched() - touched;
    }
    if (spare_.empty()) spare_.push_back(new Block);
    Block* const block = spare_.back();
    spare_.pop_back();
    block->capacity = capacity;
    block->size_class = kLargeClass;
    block->data = start_ + *offset;
    return block;
  }

  void release(Block* block) {
    places_.release(static_cast<std::size_t>(block->data - start_), block->capacity);
    spare_.push_back(block);
  }

 private:
  explicit LargeBlocks(std::size_t bytes)
      : start_(reserve(bytes)), places_(start_ == nullptr ? 0 : bytes) {}

  std::byte* start_;
  BestFit places_;
  std::vector<Block*> spare_;  // without memory
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

SizeClass size_class(std::size_t bytes) {
  // Eight classes an octave: a block is at most one eighth larger than what was asked for.
  constexpr int kStepsLog2 = 3;
  const std::size_t units = std::max<std::size_t>(1, (bytes + kAlignment - 1) / kAlignment);
  const int octave = static_cast<int>(std::bit_width(units)) - 1;
  const int shift = std::max(0, octave - kStepsLog2);
  const std::size_t step = std::size_t{1} << shift;
  const std::size_t rounded = (units + step - 1) / step;  // in [8, 16] once shift > 0
  return {shift * (1 << kStepsLog2) + static_cast<int>(rounded), rounded * step * kAlignment};
}

std::size_t large_capacity(std::size_t bytes) {
  constexpr std::size_t kStep = std::size_t{64} << 10;
  return (bytes + kStep - 1) / kStep * kStep;
}

Pool& Pool::global() {
  static Pool* pool = new Pool;
  return *pool;
}

Block* Pool::acquire(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  Block* block = bytes >= kLargeBytes ? LargeBlocks::global().acquire(bytes, stats_) : nullptr;
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
  if (block->size_class == kLargeClass) return LargeBlocks::global().release(block);
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
