#include "report/plot/picture.h"

#include <algorithm>
#include <cmath>

namespace tessera::report {
namespace {

constexpr std::int64_t kChannels = 4;

Rgba with_opacity(const std::array<std::uint8_t, 3>& color, double opacity) {
  const double share = std::clamp(opacity, 0.0, 1.0);
  return {color[0], color[1], color[2], static_cast<std::uint8_t>(std::lround(255.0 * share))};
}

}  // namespace

Rgba signed_color(double value) {
  return value < 0.0 ? with_opacity({24, 116, 205}, -value) : with_opacity({221, 98, 20}, value);
}

Rgba strength_color(double value) { return with_opacity({24, 116, 205}, value); }

Picture::Picture(std::int64_t height, std::int64_t width)
    : image_{{height, width, kChannels},
             std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * kChannels), 0)} {}

void Picture::set(std::int64_t y, std::int64_t x, const Rgba& color) {
  std::copy(color.begin(), color.end(), image_.pixels.begin() + (y * width() + x) * kChannels);
}

void Picture::paste(std::int64_t y, std::int64_t x, const Picture& part, std::int64_t scale) {
  for (std::int64_t dy = 0; dy < part.height() * scale; ++dy) {
    for (std::int64_t dx = 0; dx < part.width() * scale; ++dx) {
      const auto from =
          part.image_.pixels.begin() + (dy / scale * part.width() + dx / scale) * kChannels;
      std::copy(from, from + kChannels,
                image_.pixels.begin() + ((y + dy) * width() + x + dx) * kChannels);
    }
  }
}

std::string Picture::uri() const { return "data:image/png;base64," + base64(png()); }

Picture picture_of(std::span<const std::uint8_t> pixels, const ImageShape& shape) {
  Picture picture(shape.height, shape.width);
  const std::int64_t colors = shape.channels == 3 ? 3 : 1;
  for (std::int64_t i = 0; i < shape.height * shape.width; ++i) {
    const std::uint8_t* pixel = pixels.data() + i * shape.channels;
    picture.set(i / shape.width, i % shape.width,
                {pixel[0], pixel[colors / 2], pixel[colors - 1], 255});
  }
  return picture;
}

Picture picture_of(std::span<const float> field, std::int64_t width, double unit,
                   Rgba (*color)(double)) {
  const auto height = static_cast<std::int64_t>(field.size()) / width;
  Picture picture(height, width);
  for (std::int64_t i = 0; i < height * width; ++i) {
    const double value = double{field[static_cast<std::size_t>(i)]};
    picture.set(i / width, i % width, color(unit > 0.0 ? value / unit : 0.0));
  }
  return picture;
}

Picture mosaic(std::span<const Picture> tiles, std::int64_t columns, std::int64_t width) {
  constexpr std::int64_t kGap = 1;  // in pixels of the tiles
  const auto count = static_cast<std::int64_t>(tiles.size());
  columns = std::min(columns, count);
  const std::int64_t rows = (count + columns - 1) / columns;
  std::int64_t step_y = 0, step_x = 0;
  for (const Picture& tile : tiles) {
    step_y = std::max(step_y, tile.height() + kGap);
    step_x = std::max(step_x, tile.width() + kGap);
  }
  const std::int64_t scale = std::max<std::int64_t>(1, width / (columns * step_x - kGap));
  Picture picture((rows * step_y - kGap) * scale, (columns * step_x - kGap) * scale);
  for (std::int64_t i = 0; i < count; ++i) {
    picture.paste(i / columns * step_y * scale, i % columns * step_x * scale,
                  tiles[static_cast<std::size_t>(i)], scale);
  }
  return picture;
}

void add_image(Markup& html, const Picture& picture, const std::string& alt) {
  constexpr std::int64_t kLarge = 96;  // pixels; smaller ones are shown larger than they are
  html.empty("img", {{"class", picture.width() < kLarge ? "pixels" : "fine"},
                     {"src", picture.uri()},
                     {"alt", alt},
                     {"width", static_cast<double>(picture.width())},
                     {"height", static_cast<double>(picture.height())}});
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      const bool there = i + j < bytes.size();
      bits = bits << 8 | (there ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? kDigits[bits >> (18 - 6 * j) & 63U] : '=';
    }
  }
  return text;
}

}  // namespace tessera::report
