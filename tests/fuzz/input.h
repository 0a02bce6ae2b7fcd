// What all fuzzers share: the input as a file in memory, and a look at every tensor read from it.
#pragma once

#include <cstring>

#include "core/error.h"
#include "formats/file_bytes.h"
#include "formats/stored_tensor.h"

namespace tessera::fuzz {

inline FileBytes file_of(const std::uint8_t* data, std::size_t size) {
  // A block of exactly this size: the sanitizer sees any step beyond it.
  const auto bytes = std::make_shared_for_overwrite<std::byte[]>(size);
  if (size > 0) std::memcpy(bytes.get(), data, size);
  return {bytes, size};
}

/// Reads every byte and converts every tensor, as loading would.
inline void use(const TensorFile& file) {
  unsigned sum = 0;
  for (const StoredTensor& stored : file.tensors) {
    for (const std::byte byte : stored.bytes) sum += static_cast<unsigned>(byte);
    for (const auto convert : {&to_f32, &to_i32}) {
      try {
        convert(stored, file.path);
      } catch (const CheckpointError&) {
      }
    }
  }
  volatile unsigned kept = sum;
  static_cast<void>(kept);
}

}  // namespace tessera::fuzz
