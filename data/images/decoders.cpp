#include "data/images/decoders.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace tessera {
namespace {

std::uint8_t over_white(int value, int alpha) {
  return static_cast<std::uint8_t>((value * alpha + 255 * (255 - alpha) + 127) / 255);
}

std::uint8_t grey_of(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 0x8000u) >>
                                   16);
}

}  // namespace

void check_limits(const EncodedImage& file, std::int64_t height, std::int64_t width,
                  std::int64_t bytes_per_pixel, double densest) {
  if (width <= 0 || height <= 0) {
    fail<DataError>("[image] {}: an image of {} x {} pixels", file.name, height, width);
  }
  // In doubles: the sides may have 32 bits each.
  const double pixels = static_cast<double>(height) * static_cast<double>(width);
  if (densest > 0.0 && pixels > densest * static_cast<double>(file.bytes.size())) {
    fail<DataError>("[image] {}: {} x {} pixels promised, more than {} bytes can hold", file.name,
                    height, width, file.bytes.size());
  }
  if (width > kMaxImageSide || height > kMaxImageSide ||
      height * width * bytes_per_pixel > kMaxImageBytes) {
    fail<DataError>("[image] {}: {} x {} pixels; at most {} a side and {} MB in all: scale it down",
                    file.name, height, width, kMaxImageSide, kMaxImageBytes >> 20);
  }
}

Image flatten(Image image, std::int64_t channels) {
  if (image.shape.channels == channels) return image;
  const auto from = static_cast<std::size_t>(image.shape.channels);
  const auto to = static_cast<std::size_t>(channels);
  std::vector<std::uint8_t>& pixels = image.pixels;
  if (from == 1) {
    std::vector<std::uint8_t> wide(3 * pixels.size());
    for (std::size_t i = 0; i < wide.size(); ++i) wide[i] = pixels[i / 3];
    return {{image.shape.height, image.shape.width, 3}, std::move(wide)};
  }
  // In place: every pixel gets smaller.
  for (std::size_t in = 0, out = 0; in < pixels.size(); in += from, out += to) {
    std::uint8_t rgb[3] = {pixels[in], pixels[in + 1], pixels[in + 2]};
    if (from == 4) {
      for (std::uint8_t& value : rgb) value = over_white(value, pixels[in + 3]);
    }
    if (to == 1) {
      pixels[out] = grey_of(rgb);
    } else {
      std::copy_n(rgb, 3, &pixels[out]);
    }
  }
  image.shape.channels = channels;
  pixels.resize(static_cast<std::size_t>(image.shape.numel()));
  return image;
}

}  // namespace tessera
