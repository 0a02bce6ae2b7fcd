#include "data/images/image.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/text.h"
#include "data/images/decoders.h"
#include "data/images/image_format.h"
#include "files/file.h"

#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace tessera {
namespace {

void append(void* context, void* data, int size) {
  const char* bytes = static_cast<const char*>(data);
  static_cast<std::string*>(context)->append(bytes, static_cast<std::size_t>(size));
}

StoredImage decode(const EncodedImage& file, ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg:
      return decode_jpeg(file);
    case ImageFormat::kPng:
      return decode_png(file);
    case ImageFormat::kWebp:
      return decode_webp(file);
    case ImageFormat::kBmp:
      break;
  }
  return decode_bmp(file);
}

}  // namespace

Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name,
                   std::int64_t channels, const ImageSize& at_least) {
  return decode_turned_image(bytes, name, channels, at_least).image;
}

DecodedImage decode_turned_image(std::span<const std::uint8_t> bytes, std::string_view name,
                                 std::int64_t channels, const ImageSize& at_least) {
  const std::string shown_name = shown(name);
  if (channels != 1 && channels != 3) {
    fail<DataError>("[image] {}: {} channels asked for, can give 1 or 3", shown_name, channels);
  }
  if (bytes.empty()) fail<DataError>("[image] {}: empty file", shown_name);
  if (bytes.size() > static_cast<std::size_t>(kMaxImageBytes)) {
    fail<DataError>("[image] {}: {} bytes; an image file may have {} MB", shown_name, bytes.size(),
                    kMaxImageBytes >> 20);
  }
  StoredImage stored =
      decode({bytes, shown_name, channels, at_least}, image_format(bytes, shown_name));
  return {upright(std::move(stored.image), stored.orientation), stored.orientation};
}

Image load_image(const std::filesystem::path& path, std::int64_t channels,
                 const ImageSize& at_least) {
  return decode_image(read_file(path, static_cast<std::size_t>(kMaxImageBytes)), path.string(),
                      channels, at_least);
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
  if (!file) fail<DataError>("[image] {}: {}", shown(path.string()), std::strerror(errno));
}

}  // namespace tessera
