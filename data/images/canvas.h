// Drawing: rectangles, images and text in DejaVu Sans, whose letters were traced once.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "data/images/image.h"

namespace tessera {

using Color = std::array<std::uint8_t, 3>;  ///< red, green, blue

/// Of shares 0..1: from black over violet and orange to pale yellow. Equal steps are equal steps in
/// lightness to the eye (CIELAB); what lies beyond takes the colour of the end.
Color heat_color(float share);

/// Places and sizes are pixels from the upper left corner; what falls outside is not drawn.
class Canvas {
 public:
  static constexpr std::int64_t kTextHeight = 18;

  Canvas(std::int64_t height, std::int64_t width, Color background);

  void fill(std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width, Color color);

  /// The edge of a rectangle, `thickness` pixels inwards.
  void outline(std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width,
               std::int64_t thickness, Color color);

  /// An image of 3 channels.
  void draw(std::int64_t y, std::int64_t x, const Image& image);

  /// A line of UTF-8 in letters 14 pixels high, of which the languages of Europe that are written
  /// in Latin letters need no others; what is none of them becomes a question mark.
  void text(std::int64_t y, std::int64_t x, std::string_view line, Color color);
  static std::int64_t text_width(std::string_view line);

  const Image& image() const { return image_; }

 private:
  void blend(std::int64_t y, std::int64_t x, Color color, float share);

  Image image_;
};

/// A photo of 3 channels for people to look at, its longer side as near to `longer` pixels as whole
/// steps allow: small pixels stay squares; a larger photo is scaled down.
Image panel_of(const Image& photo, std::int64_t longer);

}  // namespace tessera
