#include "core/best_fit.h"

#include <algorithm>
#include <iterator>

namespace tessera {

BestFit::BestFit(std::size_t size) {
  if (size > 0) add(0, size);
}

std::optional<std::size_t> BestFit::acquire(std::size_t bytes) {
  // Of pieces of one size the first. What was never touched is the largest, so it is cut last.
  const auto found = by_size_.lower_bound({bytes, 0});
  if (found == by_size_.end()) return std::nullopt;
  const auto [size, offset] = *found;
  remove(offset, size);
  if (size > bytes) add(offset + bytes, size - bytes);
  touched_ = std::max(touched_, offset + bytes);
  return offset;
}

void BestFit::release(std::size_t offset, std::size_t bytes) {
  const auto next = free_.lower_bound(offset);
  if (next != free_.end() && next->first == offset + bytes) {
    const auto [start, size] = *next;
    remove(start, size);
    bytes += size;
  }
  const auto behind = free_.lower_bound(offset);
  if (behind != free_.begin()) {
    const auto [start, size] = *std::prev(behind);
    if (start + size == offset) {
      remove(start, size);
      offset = start;
      bytes += size;
    }
  }
  add(offset, bytes);
}

void BestFit::remove(std::size_t offset, std::size_t bytes) {
  free_.erase(offset);
  by_size_.erase({bytes, offset});
}

void BestFit::add(std::size_t offset, std::size_t bytes) {
  free_.emplace(offset, bytes);
  by_size_.emplace(bytes, offset);
}

}  // namespace tessera
