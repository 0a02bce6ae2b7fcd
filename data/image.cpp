#include "data/image.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include "core/error.h"
#include "data/file.h"
#include "data/jpeg.h"

#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_FAILURE_USERMSG
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace tessera {
namespace {

constexpr std::int64_t kMaxSide = 16384;
constexpr std::int64_t kMaxBytes = std::int64_t{256} << 20;
constexpr std::array<std::uint8_t, 8> kPngMagic = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

std::uint32_t big_endian(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

/// stb_image skips the checksums of PNG: a chunk is length, type, data, crc32 of type and data.
void check_png(std::span<const std::uint8_t> bytes, std::string_view name) {
  for (std::size_t at = kPngMagic.size();;) {
    if (bytes.size() - at < 12) fail<DataError>("[image] {}: truncated PNG", name);
    const std::size_t length = big_endian(&bytes[at]);
    if (length > bytes.size() - at - 12) fail<DataError>("[image] {}: truncated PNG", name);
    const std::span<const std::uint8_t> type = bytes.subspan(at + 4, 4);
    const auto crc = crc32(0, type.data(), static_cast<unsigned>(4 + length));
    if (crc != big_endian(type.data() + 4 + length)) {
      fail<DataError>("[image] {}: damaged PNG, wrong checksum of the chunk at byte {}", name, at);
    }
    if (std::memcmp(type.data(), "IEND", 4) == 0) return;
    at += 12 + length;
  }
}

/// Throws if the bytes are no whole file; returns the orientation the pixels are stored in.
int check_container(std::span<const std::uint8_t> bytes, std::string_view name) {
  if (bytes.empty()) fail<DataError>("[image] {}: empty file", name);
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    fail<DataError>("[image] {}: {} bytes are too many for an image", name, bytes.size());
  }
  if (bytes.size() >= kPngMagic.size() &&
      std::equal(kPngMagic.begin(), kPngMagic.end(), bytes.begin())) {
    check_png(bytes, name);
  } else if (bytes.size() >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8) {
    return scan_jpeg(bytes, name);
  }
  return 1;
}

void append(void* context, void* data, int size) {
  const char* bytes = static_cast<const char*>(data);
  static_cast<std::string*>(context)->append(bytes, static_cast<std::size_t>(size));
}

}  // namespace

Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name,
                   std::int64_t channels) {
  if (channels != 1 && channels != 3) {
    fail<DataError>("[image] {}: {} channels asked for, can give 1 or 3", name, channels);
  }
  const int orientation = check_container(bytes, name);
  const int size = static_cast<int>(bytes.size());
  int width = 0;
  int height = 0;
  int in_file = 0;
  if (stbi_info_from_memory(bytes.data(), size, &width, &height, &in_file) == 0) {
    fail<DataError>("[image] {}: {} (JPEG, PNG and BMP can be read)", name, stbi_failure_reason());
  }
  // A decoder holds the channels of the file and those asked for.
  const std::int64_t needed = std::int64_t{width} * height * std::max<std::int64_t>(in_file, 3);
  if (width > kMaxSide || height > kMaxSide || needed > kMaxBytes) {
    fail<DataError>("[image] {}: {} x {} pixels; at most {} a side and {} MB in all", name, height,
                    width, kMaxSide, kMaxBytes >> 20);
  }
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), size, &width, &height, &in_file,
                            static_cast<int>(channels)),
      stbi_image_free);
  if (!pixels) fail<DataError>("[image] {}: {}", name, stbi_failure_reason());
  Image image{{height, width, channels}, {}};
  image.pixels.assign(pixels.get(), pixels.get() + image.shape.numel());
  return upright(std::move(image), orientation);
}

Image load_image(const std::filesystem::path& path, std::int64_t channels) {
  return decode_image(read_file(path, static_cast<std::size_t>(kMaxBytes)), path.string(),
                      channels);
}

std::string encode_png(const Image& image) {
  const int width = static_cast<int>(image.shape.width);
  const int channels = static_cast<int>(image.shape.channels);
  std::string encoded;
  if (stbi_write_png_to_func(append, &encoded, width, static_cast<int>(image.shape.height),
                             channels, image.pixels.data(), width * channels) == 0) {
    fail<DataError>("[image] cannot encode {} x {} x {} pixels", image.shape.height, width,
                    channels);
  }
  return encoded;
}

void write_png(const std::filesystem::path& path, const Image& image) {
  const std::string encoded = encode_png(image);
  std::ofstream file(path, std::ios::binary);
  file.write(encoded.data(), static_cast<std::streamsize>(encoded.size()));
  file.close();
  if (!file) fail<DataError>("[image] {}: {}", path.string(), std::strerror(errno));
}

}  // namespace tessera
