#include "core/memory_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

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
  const auto [index, capacity] = size_class(bytes);
  const std::lock_guard lock(mutex_);
  std::vector<Block*>& kept = free_.at(static_cast<std::size_t>(index));
  Block* block = nullptr;
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
  block->references.store(1, std::memory_order_relaxed);
  stats_.live_bytes += capacity;
  stats_.peak_live_bytes = std::max(stats_.peak_live_bytes, stats_.live_bytes);
  return block;
}

void Pool::release(Block* block) noexcept {
  const std::lock_guard lock(mutex_);
  stats_.live_bytes -= block->capacity;
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
