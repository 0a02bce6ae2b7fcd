// Small pictures in the page: images and fields of numbers, as PNG in data URIs.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/images/image.h"
#include "report/plot/markup.h"

namespace tessera::report {

using Rgba = std::array<std::uint8_t, 4>;

/// Of -1..1: blue for the negative, orange for the positive, more opaque the further from 0, so
/// that 0 is the page itself, light or dark.
Rgba signed_color(double value);

/// Of 0..1: blue, more opaque the larger.
Rgba strength_color(double value);

/// Pixels [height, width], transparent at first.
class Picture {
 public:
  Picture(std::int64_t height, std::int64_t width);

  std::int64_t height() const { return image_.shape.height; }
  std::int64_t width() const { return image_.shape.width; }
  void set(std::int64_t y, std::int64_t x, const Rgba& color);

  /// Copies `part` to (y, x), each of its pixels `scale` times as wide and high.
  void paste(std::int64_t y, std::int64_t x, const Picture& part, std::int64_t scale = 1);

  /// The bytes of a PNG file, RGBA.
  std::string png() const { return encode_png(image_); }

  /// `data:image/png;base64,...`
  std::string uri() const;

 private:
  Image image_;  ///< RGBA
};

/// A grey or RGB image.
Picture picture_of(std::span<const std::uint8_t> pixels, const ImageShape& shape);

/// A field [height, width] through `color`, values divided by `unit` first.
Picture picture_of(std::span<const float> field, std::int64_t width, double unit,
                   Rgba (*color)(double));

/// Pictures, each in a place as large as the largest, in rows of `columns`, with a gap between
/// them, in whole multiples of their pixels so that it is about `width` pixels wide.
Picture mosaic(std::span<const Picture> tiles, std::int64_t columns, std::int64_t width);

/// An `<img>` as wide as its place, `alt` for those who cannot see it.
void add_image(Markup& html, const Picture& picture, const std::string& alt);

std::string base64(std::string_view bytes);

}  // namespace tessera::report
