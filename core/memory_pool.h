// Memory of tensors: small blocks are kept by size, large ones share one range of addresses, and
// both are reused, so that a training step after the second asks the system for nothing and touches
// no fresh page.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace tessera {

/// One 64-byte aligned piece of memory and the number of tensors that refer to it.
struct Block {
  std::atomic<std::int32_t> references{0};
  std::size_t capacity = 0;
  int size_class = 0;
  std::byte* data = nullptr;
};

struct PoolStats {
  std::uint64_t system_allocations = 0;  ///< how often memory was taken from the system
  std::size_t live_bytes = 0;            ///< held by tensors now
  std::size_t peak_live_bytes = 0;       ///< the most ever held at once (see reset_peak)
  std::size_t reserved_bytes = 0;        ///< taken from the system and not given back
};

/// A kind of small blocks: all of one size, which is at most an eighth more than what was asked
/// for.
struct SizeClass {
  int index;
  std::size_t bytes;
};
SizeClass size_class(std::size_t bytes);

/// From here on a block is a large one: kept by size, such blocks took a quarter more memory than
/// was ever in use at once.
inline constexpr std::size_t kLargeBytes = std::size_t{1} << 20;

/// The size of a large block.
std::size_t large_capacity(std::size_t bytes);

/// Thread-safe: the loader's workers and the training loop share it.
class Pool {
 public:
  /// The pool of the process. It is never destroyed, so tensors may outlive everything.
  static Pool& global();

  /// A block of at least `bytes`, with one reference.
  Block* acquire(std::size_t bytes);

  /// Called when the last reference is gone: keeps the block for the next acquire of its class.
  void release(Block* block) noexcept;

  PoolStats stats() const;

  /// Starts a new peak measurement from what is live now.
  void reset_peak();

 private:
  static constexpr int kClasses = 400;

  mutable std::mutex mutex_;
  std::array<std::vector<Block*>, kClasses> free_;
  PoolStats stats_;
};

}  // namespace tessera
