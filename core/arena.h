// Memory for the tape's closures: handed out in order, taken back all at once, never given back to
// the system, so that a step allocates nothing once the first has run.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace tessera {

class Arena {
 public:
  void* allocate(std::size_t bytes, std::size_t alignment) {
    for (;; ++chunk_, offset_ = 0) {
      if (chunk_ == chunks_.size()) chunks_.push_back(std::make_unique<std::byte[]>(kChunk));
      std::size_t space = kChunk - offset_;
      void* place = chunks_[chunk_].get() + offset_;
      if (std::align(alignment, bytes, place, space) != nullptr) {
        offset_ = kChunk - space + bytes;
        return place;
      }
    }
  }

  void reset() { chunk_ = offset_ = 0; }

  static constexpr std::size_t kChunk = std::size_t{1} << 16;

 private:
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::size_t chunk_ = 0;
  std::size_t offset_ = 0;
};

}  // namespace tessera
