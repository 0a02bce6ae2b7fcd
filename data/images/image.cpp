#include "data/images/image.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "data/files/file.h"
#include "data/images/decoders.h"
#include "data/images/exif.h"

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

}  // namespace

Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name,
                   std::int64_t channels, const ImageSize& at_least) {
  if (channels != 1 && channels != 3) {
    fail<DataError>("[image] {}: {} channels asked for, can give 1 or 3", name, channels);
  }
  const ImageHeader header = read_image_header(bytes, name);
  std::optional<Image> image;
  if (header.format == ImageFormat::kJpeg) {
    image = decode_with_turbo(bytes, header, name, channels, at_least);
  }
  if (!image) image = decode_with_stb(bytes, header, name, channels);
  return upright(std::move(*image), header.orientation);
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
  if (!file) fail<DataError>("[image] {}: {}", path.string(), std::strerror(errno));
}

}  // namespace tessera
