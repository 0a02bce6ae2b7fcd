// Archives and pickles as a test wants them, well formed or not.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "formats/file_bytes.h"

namespace tessera::test {

inline FileBytes bytes_of(const std::string& text) {
  auto data = std::make_shared<std::byte[]>(text.size());
  std::memcpy(data.get(), text.data(), text.size());
  return {data, text.size()};
}

/// `value` as `size` little-endian bytes.
inline std::string little(std::uint64_t value, int size) {
  std::string text;
  for (int i = 0; i < size; ++i, value >>= 8) text += static_cast<char>(value);
  return text;
}

struct ZipEntry {
  std::string name;
  std::string data;
  int method = 0;
  int flags = 0;
};

/// A ZIP archive without compression; `method` and `flags` are only said.
inline std::string make_zip(const std::vector<ZipEntry>& entries) {
  std::string archive, directory;
  for (const ZipEntry& entry : entries) {
    const auto checksum = static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const unsigned char*>(entry.data.data()), entry.data.size()));
    const std::string common = little(static_cast<std::uint64_t>(entry.flags), 2) +
                               little(static_cast<std::uint64_t>(entry.method), 2) + little(0, 4) +
                               little(checksum, 4) + little(entry.data.size(), 4) +
                               little(entry.data.size(), 4) + little(entry.name.size(), 2);
    directory += std::string("PK\1\2") + little(20, 2) + little(20, 2) + common + little(0, 12) +
                 little(archive.size(), 4) + entry.name;
    archive +=
        std::string("PK\3\4") + little(20, 2) + common + little(0, 2) + entry.name + entry.data;
  }
  const std::string end = std::string("PK\5\6") + little(0, 4) + little(entries.size(), 2) +
                          little(entries.size(), 2) + little(directory.size(), 4) +
                          little(archive.size(), 4) + little(0, 2);
  return archive + directory + end;
}

inline std::string text(const std::string& value) {
  return std::string("X") + little(value.size(), 4) + value;
}

inline std::string integer(std::int64_t value) {
  return std::string("\x8a\x08") + little(static_cast<std::uint64_t>(value), 8);
}

inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string code = "(";
  for (const std::int64_t value : values) code += integer(value);
  return code + "t";
}

struct TensorCode {
  std::string storage = "0";
  std::int64_t elements = 4;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape{4};
  std::vector<std::int64_t> strides{1};
  std::string type = "torch\nFloatStorage\n";
};

/// Instructions that leave a tensor on the stack.
inline std::string tensor_code(const TensorCode& t) {
  return std::string("ctorch._utils\n_rebuild_tensor_v2\n((") + text("storage") + "c" + t.type +
         text(t.storage) + text("cpu") + integer(t.elements) + "tQ" + integer(t.offset) +
         tuple(t.shape) + tuple(t.strides) + "\x89" + "ccollections\nOrderedDict\n)RtR";
}

/// A pickle of {"w": what `code` leaves on the stack}.
inline std::string dictionary_of(const std::string& code) {
  return std::string("\x80\x02}") + text("w") + code + "s.";
}

/// A file of torch.save with that pickle and 16 bytes of storage "0".
inline std::string torch_archive(const std::string& pickle) {
  return make_zip({{"a/data.pkl", pickle}, {"a/data/0", std::string(16, '\0')}});
}

}  // namespace tessera::test
