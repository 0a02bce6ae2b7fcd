// The table of contents of a ZIP archive and the bytes of its stored entries: what PyTorch's .pth
// files are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

/// A view of an archive in memory. Nothing is decompressed: PyTorch stores its entries plainly.
class ZipArchive {
 public:
  /// Reads the central directory, ZIP64 included. Throws CheckpointError naming `path` if there is
  /// none, or if an entry occurs twice, is encrypted or lies outside of the file.
  ZipArchive(std::span<const std::byte> bytes, std::string path);

  /// True if `bytes` begin as an archive does.
  static bool is_archive(std::span<const std::byte> bytes);

  bool has(std::string_view name) const { return entries_.find(name) != entries_.end(); }

  /// All names with `end` at their end, sorted.
  std::vector<std::string> names_with(std::string_view end) const;

  /// The bytes of one entry. Throws CheckpointError if there is none, if it is compressed or if its
  /// checksum is wrong.
  std::span<const std::byte> read(std::string_view name) const;

 private:
  struct Entry {
    std::uint64_t offset;  ///< of the local header
    std::uint64_t size;
    std::uint64_t packed_size;
    std::uint32_t checksum;
    std::uint16_t method;
  };

  std::span<const std::byte> bytes_;
  std::string path_;
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace tessera
