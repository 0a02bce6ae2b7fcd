#include "formats/zip_archive.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/error.h"
#include "core/text.h"

namespace tessera {
namespace {

// Signatures and sizes of records, PKWARE's APPNOTE 6.3.10 section 4.3.
constexpr std::uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50, kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr std::uint64_t kLocalBytes = 30, kEntryBytes = 46;
constexpr std::uint64_t kEndBytes = 22, kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr std::uint64_t kMostComment = 0xffff;
constexpr std::uint16_t kStored = 0, kExtra64 = 1, kEncrypted = 1;
constexpr std::uint32_t kIn64 = 0xffffffff;  // the value stands in the ZIP64 record

/// Little-endian numbers at checked places of the archive.
struct Reader {
  std::span<const std::byte> bytes;
  const std::string& path;

  std::span<const std::byte> part(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes.size() || size > bytes.size() - offset) {
      fail<CheckpointError>("[zip] {}: {} bytes at {} lie outside of the file of {}: truncated?",
                            path, size, offset, bytes.size());
    }
    return bytes.subspan(offset, size);
  }
  template <typename T>
  T number(std::uint64_t offset) const {
    T value;
    std::memcpy(&value, part(offset, sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::uint16_t u16(std::uint64_t offset) const { return number<std::uint16_t>(offset); }
  std::uint32_t u32(std::uint64_t offset) const { return number<std::uint32_t>(offset); }
  std::uint64_t u64(std::uint64_t offset) const { return number<std::uint64_t>(offset); }
};

/// The end record, which a comment may follow.
std::uint64_t find_end(const Reader& reader) {
  const std::uint64_t size = reader.bytes.size();
  for (std::uint64_t comment = 0; comment <= kMostComment && comment + kEndBytes <= size;
       ++comment) {
    const std::uint64_t at = size - kEndBytes - comment;
    if (reader.u32(at) == kEnd && reader.u16(at + 20) == comment) return at;
  }
  fail<CheckpointError>("[zip] {}: no table of contents at the end: truncated?", reader.path);
}

struct Directory {
  std::uint64_t count;
  std::uint64_t size;
  std::uint64_t offset;
};

Directory find_directory(const Reader& reader) {
  const std::uint64_t end = find_end(reader);
  if (end >= kLocatorBytes && reader.u32(end - kLocatorBytes) == kLocator64) {
    const std::uint64_t end64 = reader.u64(end - kLocatorBytes + 8);
    reader.part(end64, kEnd64Bytes);
    if (reader.u32(end64) == kEnd64) {
      return {reader.u64(end64 + 32), reader.u64(end64 + 40), reader.u64(end64 + 48)};
    }
  }
  return {reader.u16(end + 10), reader.u32(end + 12), reader.u32(end + 16)};
}

/// Replaces each of `values` that is kIn64 by the next number of the ZIP64 extra field.
void read_extra64(const Reader& reader, std::uint64_t extra, std::uint64_t extra_size,
                  std::initializer_list<std::uint64_t*> values) {
  reader.part(extra, extra_size);
  const std::uint64_t extra_end = extra + extra_size;
  while (extra_end - extra >= 4) {
    const std::uint16_t id = reader.u16(extra), size = reader.u16(extra + 2);
    extra += 4;
    if (size > extra_end - extra) return;
    if (id == kExtra64) {
      const std::uint64_t field_end = extra + size;
      for (std::uint64_t* value : values) {
        if (*value != kIn64 || field_end - extra < 8) continue;
        *value = reader.u64(extra);
        extra += 8;
      }
      return;
    }
    extra += size;
  }
}

}  // namespace

bool ZipArchive::is_archive(std::span<const std::byte> bytes) {
  std::uint32_t signature = 0;
  if (bytes.size() < sizeof signature) return false;
  std::memcpy(&signature, bytes.data(), sizeof signature);
  return signature == kLocalHeader;
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string path)
    : bytes_(bytes), path_(std::move(path)) {
  const Reader reader{bytes_, path_};
  const Directory directory = find_directory(reader);
  reader.part(directory.offset, directory.size);
  std::uint64_t at = directory.offset;
  for (std::uint64_t i = 0; i < directory.count; ++i) {
    reader.part(at, kEntryBytes);
    if (reader.u32(at) != kDirectoryEntry) {
      fail<CheckpointError>("[zip] {}: entry {} of the table of contents is damaged", path_, i);
    }
    Entry entry{.offset = reader.u32(at + 42),
                .size = reader.u32(at + 24),
                .packed_size = reader.u32(at + 20),
                .checksum = reader.u32(at + 16),
                .method = reader.u16(at + 10)};
    const std::uint64_t name_size = reader.u16(at + 28), extra_size = reader.u16(at + 30);
    const auto name_bytes = reader.part(at + kEntryBytes, name_size);
    const std::string name(reinterpret_cast<const char*>(name_bytes.data()), name_size);
    read_extra64(reader, at + kEntryBytes + name_size, extra_size,
                 {&entry.size, &entry.packed_size, &entry.offset});
    if ((reader.u16(at + 8) & kEncrypted) != 0) {
      fail<CheckpointError>("[zip] {}: entry {} is encrypted", path_, quoted(name));
    }
    if (!entries_.emplace(name, entry).second) {
      fail<CheckpointError>("[zip] {}: entry {} occurs twice", path_, quoted(name));
    }
    at += kEntryBytes + name_size + extra_size + reader.u16(at + 32);
  }
}

std::vector<std::string> ZipArchive::names_with(std::string_view end) const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) {
    if (name.ends_with(end)) names.push_back(name);
  }
  return names;
}

std::span<const std::byte> ZipArchive::read(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail<CheckpointError>("[zip] {}: no entry {}", path_, quoted(name));
  const Entry& entry = found->second;
  if (entry.method != kStored || entry.size != entry.packed_size) {
    fail<CheckpointError>(
        "[zip] {}: entry {} is compressed, which PyTorch's files are not: save it again with "
        "torch.save",
        path_, quoted(name));
  }
  const Reader reader{bytes_, path_};
  const auto header = reader.part(entry.offset, kLocalBytes);
  if (reader.u32(entry.offset) != kLocalHeader) {
    fail<CheckpointError>("[zip] {}: entry {} has no header at byte {}", path_, quoted(name),
                          entry.offset);
  }
  const std::uint64_t before =
      header.size() + reader.u16(entry.offset + 26) + reader.u16(entry.offset + 28);
  const auto data = reader.part(entry.offset + before, entry.size);
  // zlib's name: the usual CRC-32.
  const auto checksum =
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  if (checksum != entry.checksum) {
    fail<CheckpointError>("[zip] {}: entry {} has checksum {:08x}, expected {:08x}: damaged?",
                          path_, quoted(name), checksum, entry.checksum);
  }
  return data;
}

}  // namespace tessera
