// What a row of tensors takes of the system, without their memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <utility>

#include "core/best_fit.h"
#include "core/memory_pool.h"

namespace tessera {

/// Takes and gives back blocks as Pool does, without any memory.
class ShadowPool {
 public:
  class Held {
   public:
    Held() = default;
    Held(ShadowPool& pool, std::size_t capacity, std::optional<std::size_t> offset)
        : pool_(&pool), capacity_(capacity), offset_(offset) {}
    Held(Held&& other) noexcept { *this = std::move(other); }
    Held& operator=(Held&& other) noexcept {
      std::swap(pool_, other.pool_);
      std::swap(capacity_, other.capacity_);
      std::swap(offset_, other.offset_);
      return *this;
    }
    ~Held() { free(); }
    void free() {
      if (pool_ == nullptr) return;
      if (offset_) {
        pool_->places_.release(*offset_, capacity_);
      } else {
        ++pool_->kept_[capacity_];
      }
      pool_ = nullptr;
    }

   private:
    ShadowPool* pool_ = nullptr;
    std::size_t capacity_ = 0;
    std::optional<std::size_t> offset_;  ///< of a large block
  };

  Held take(std::int64_t count) {
    const auto bytes = static_cast<std::size_t>(count);
    if (bytes >= kLargeBytes) {
      const std::size_t capacity = large_capacity(bytes);
      return {*this, capacity, places_.acquire(capacity)};
    }
    const std::size_t capacity = size_class(bytes).bytes;
    std::int64_t& kept = kept_[capacity];
    if (kept > 0) {
      --kept;
    } else {
      reserved_ += capacity;
    }
    return {*this, capacity, std::nullopt};
  }

  std::size_t reserved() const { return reserved_ + places_.touched(); }

 private:
  BestFit places_{std::numeric_limits<std::size_t>::max()};
  std::map<std::size_t, std::int64_t> kept_;  ///< free small blocks by their size
  std::size_t reserved_ = 0;
};

}  // namespace tessera
