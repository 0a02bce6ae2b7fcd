#include "core/address_range.h"

#include <sys/mman.h>

#include <algorithm>
#include <functional>
#include <iterator>

namespace tessera {

AddressRange::AddressRange(std::size_t bytes) {
  if (bytes == 0) return;
  void* const start = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (start == MAP_FAILED) return;
  ::madvise(start, bytes, MADV_HUGEPAGE);
  start_ = static_cast<std::byte*>(start);
  size_ = bytes;
  add(0, bytes);
}

std::byte* AddressRange::acquire(std::size_t bytes) {
  // The smallest piece that is large enough; of equal ones the first. What was never touched is the
  // largest piece, so it is broken last.
  const auto found = by_size_.lower_bound({bytes, 0});
  if (found == by_size_.end()) return nullptr;
  const auto [size, offset] = *found;
  remove(offset, size);
  if (size > bytes) add(offset + bytes, size - bytes);
  touched_ = std::max(touched_, offset + bytes);
  return start_ + offset;
}

void AddressRange::release(std::byte* data, std::size_t bytes) {
  auto offset = static_cast<std::size_t>(data - start_);
  const auto next = free_.lower_bound(offset);
  if (next != free_.begin()) {
    const auto [before, size] = *std::prev(next);
    if (before + size == offset) {
      remove(before, size);
      offset = before;
      bytes += size;
    }
  }
  if (const auto behind = free_.find(offset + bytes); behind != free_.end()) {
    const auto [start, size] = *behind;
    remove(start, size);
    bytes += size;
  }
  add(offset, bytes);
}

bool AddressRange::holds(const std::byte* data) const {
  const std::less<const std::byte*> before;
  return start_ != nullptr && !before(data, start_) && before(data, start_ + size_);
}

void AddressRange::remove(std::size_t offset, std::size_t bytes) {
  free_.erase(offset);
  by_size_.erase({bytes, offset});
}

void AddressRange::add(std::size_t offset, std::size_t bytes) {
  free_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
}

}  // namespace tessera
