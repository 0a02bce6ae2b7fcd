// Large blocks of memory out of one range of addresses, so that what one tensor leaves, tensors of
// any other size can take.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <utility>

namespace tessera {

/// Best fit with joined neighbours. Not thread-safe. Pages are touched only as far as they are
/// used.
class AddressRange {
 public:
  static constexpr std::size_t kStep = std::size_t{64} << 10;  ///< blocks are whole multiples

  AddressRange() = default;

  /// Asks the system for addresses, not for memory; what it does not give leaves the range empty.
  explicit AddressRange(std::size_t bytes);

  /// `bytes`, a multiple of kStep, or null if the range has no such piece left.
  std::byte* acquire(std::size_t bytes);

  /// Takes back what acquire gave.
  void release(std::byte* data, std::size_t bytes);

  bool holds(const std::byte* data) const;

  /// Bytes from the start that were ever in use.
  std::size_t touched() const { return touched_; }

 private:
  void remove(std::size_t offset, std::size_t bytes);
  void add(std::size_t offset, std::size_t bytes);

  std::byte* start_ = nullptr;
  std::size_t size_ = 0;
  std::size_t touched_ = 0;
  std::map<std::size_t, std::size_t> free_;                // offset -> bytes
  std::set<std::pair<std::size_t, std::size_t>> by_size_;  // (bytes, offset)
};

}  // namespace tessera
