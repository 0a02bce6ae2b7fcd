// A whole file in memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>

namespace tessera {

struct FileBytes {
  std::shared_ptr<const std::byte[]> data;
  std::size_t size = 0;

  std::span<const std::byte> span() const { return {data.get(), size}; }
};

/// Reads a regular file. Throws CheckpointError with the system's reason, or if it is a folder, a
/// pipe or a device.
FileBytes read_file(const std::filesystem::path& path);

}  // namespace tessera
