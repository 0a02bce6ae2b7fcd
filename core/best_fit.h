// How blocks of many sizes share one range: what one leaves, blocks of any other size can take.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace tessera {

/// Places of blocks in [0, size), by best fit, with free neighbours joined. It has no memory
/// itself. Not thread-safe.
class BestFit {
 public:
  explicit BestFit(std::size_t size);

  /// Where `bytes` have their place from now on; none if no free piece is large enough.
  std::optional<std::size_t> acquire(std::size_t bytes);

  /// Takes back what acquire gave.
  void release(std::size_t offset, std::size_t bytes);

  /// The end of what was ever in use.
  std::size_t touched() const { return touched_; }

 private:
  void remove(std::size_t offset, std::size_t bytes);
  void add(std::size_t offset, std::size_t bytes);

  std::size_t touched_ = 0;
  std::map<std::size_t, std::size_t> free_;                // offset -> bytes
  std::set<std::pair<std::size_t, std::size_t>> by_size_;  // (bytes, offset)
};

}  // namespace tessera
