#include "data/images/canvas.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <vector>

#include "data/images/image.h"

namespace tessera {
namespace {

/// CIELAB lightness 3 to 96 in equal steps, hue from blue over red to yellow.
constexpr std::array<Color, 9> kHeat{{{9, 10, 24},
                                      {28, 30, 85},
                                      {82, 40, 126},
                                      {151, 41, 140},
                                      {214, 50, 123},
                                      {248, 98, 92},
                                      {254, 154, 86},
                                      {255, 202, 113},
                                      {255, 245, 189}}};

/// A letter in kShades, row by row after those of the letters before it.
struct Glyph {
  std::int32_t code;     ///< Unicode
  std::int16_t advance;  ///< pixels to the next letter
  std::int16_t left, top, width, height;
};

#include "data/images/glyphs.inc"

constexpr int kMostShade = 7;

/// Each character of the shades is two pixels of 0 to 7.
int shade(std::size_t pixel) {
  const char c = kShades[pixel / 2];
  const int both = c >= 'a'   ? c - 'a' + 26
                   : c >= 'A' ? c - 'A'
                   : c >= '0' ? c - '0' + 52
                   : c == '+' ? 62
                              : 63;
  return pixel % 2 == 0 ? both / 8 : both % 8;
}

struct PlacedGlyph {
  const Glyph* glyph;
  std::size_t first;  ///< of its shades
};

/// A letter that is not in the table is a question mark.
PlacedGlyph glyph_of(char32_t code) {
  static const std::vector<std::size_t> kFirst = [] {
    std::vector<std::size_t> first{0};
    for (const Glyph& glyph : kGlyphs) {
      first.push_back(first.back() + static_cast<std::size_t>(glyph.width * glyph.height));
    }
    return first;
  }();
  auto found = std::ranges::lower_bound(kGlyphs, static_cast<std::int32_t>(code), {}, &Glyph::code);
  if (found == kGlyphs.end() || found->code != static_cast<std::int32_t>(code)) {
    found = std::ranges::lower_bound(kGlyphs, std::int32_t{'?'}, {}, &Glyph::code);
  }
  return {&*found, kFirst[static_cast<std::size_t>(found - kGlyphs.begin())]};
}

/// The next letter of UTF-8; of a byte that is none a question mark.
char32_t take_letter(std::string_view& line) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(line[i]); };
  const std::size_t more = byte(0) < 0x80              ? 0
                           : (byte(0) & 0xe0u) == 0xc0 ? 1
                           : (byte(0) & 0xf0u) == 0xe0 ? 2
                           : (byte(0) & 0xf8u) == 0xf0 ? 3
                                                       : line.size();
  char32_t code = more == 0 ? byte(0) : byte(0) & (0x3fu >> more);
  bool is_whole = more < line.size();
  for (std::size_t i = 1; is_whole && i <= more; ++i) {
    is_whole = (byte(i) & 0xc0u) == 0x80;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  line.remove_prefix(is_whole ? more + 1 : 1);
  return is_whole ? code : U'?';
}

}  // namespace

Color heat_color(float share) {
  const float place = std::clamp(share, 0.0f, 1.0f) * (kHeat.size() - 1);
  const auto first = std::min(static_cast<std::size_t>(place), kHeat.size() - 2);
  const float weight = place - static_cast<float>(first);
  Color color{};
  for (std::size_t c = 0; c < color.size(); ++c) {
    const auto a = static_cast<float>(kHeat[first][c]);
    const auto b = static_cast<float>(kHeat[first + 1][c]);
    color[c] = static_cast<std::uint8_t>(std::lround(a + weight * (b - a)));
  }
  return color;
}

Canvas::Canvas(std::int64_t height, std::int64_t width, Color background)
    : image_{{height, width, 3},
             std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * 3))} {
  fill(0, 0, height, width, background);
}

void Canvas::fill(std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width,
                  Color color) {
  const std::int64_t bottom = std::min(y + height, image_.shape.height);
  const std::int64_t right = std::min(x + width, image_.shape.width);
  for (std::int64_t row = std::max<std::int64_t>(y, 0); row < bottom; ++row) {
    for (std::int64_t column = std::max<std::int64_t>(x, 0); column < right; ++column) {
      std::uint8_t* const pixel = image_.pixels.data() + (row * image_.shape.width + column) * 3;
      std::copy(color.begin(), color.end(), pixel);
    }
  }
}

void Canvas::outline(std::int64_t y, std::int64_t x, std::int64_t height, std::int64_t width,
                     std::int64_t thickness, Color color) {
  fill(y, x, thickness, width, color);
  fill(y + height - thickness, x, thickness, width, color);
  fill(y, x, height, thickness, color);
  fill(y, x + width - thickness, height, thickness, color);
}

void Canvas::draw(std::int64_t y, std::int64_t x, const Image& image) {
  const std::uint8_t* pixel = image.pixels.data();
  for (std::int64_t row = 0; row < image.shape.height; ++row) {
    for (std::int64_t column = 0; column < image.shape.width; ++column, pixel += 3) {
      fill(y + row, x + column, 1, 1, {pixel[0], pixel[1], pixel[2]});
    }
  }
}

void Canvas::text(std::int64_t y, std::int64_t x, std::string_view line, Color color) {
  while (!line.empty()) {
    const auto [glyph, first] = glyph_of(take_letter(line));
    for (std::int64_t row = 0; row < glyph->height; ++row) {
      for (std::int64_t column = 0; column < glyph->width; ++column) {
        const int strength = shade(first + static_cast<std::size_t>(row * glyph->width + column));
        if (strength > 0) {
          blend(y + glyph->top + row, x + glyph->left + column, color,
                static_cast<float>(strength) / kMostShade);
        }
      }
    }
    x += glyph->advance;
  }
}

void Canvas::blend(std::int64_t y, std::int64_t x, Color color, float share) {
  if (y < 0 || x < 0 || y >= image_.shape.height || x >= image_.shape.width) return;
  std::uint8_t* const pixel = image_.pixels.data() + (y * image_.shape.width + x) * 3;
  for (std::size_t c = 0; c < color.size(); ++c) {
    pixel[c] = static_cast<std::uint8_t>(
        std::lround((1.0f - share) * static_cast<float>(pixel[c]) + share * color[c]));
  }
}

std::int64_t Canvas::text_width(std::string_view line) {
  std::int64_t width = 0;
  while (!line.empty()) width += glyph_of(take_letter(line)).glyph->advance;
  return width;
}

Image panel_of(const Image& photo, std::int64_t longer) {
  const ImageShape& shape = photo.shape;
  const std::int64_t side = std::max(shape.height, shape.width);
  if (side > longer) {
    const auto scaled = [&](std::int64_t s) {
      return std::max<std::int64_t>(1, s * longer / side);
    };
    return resize(photo, scaled(shape.height), scaled(shape.width));
  }
  const std::int64_t factor = longer / side;
  Canvas canvas(shape.height * factor, shape.width * factor, {255, 255, 255});
  const std::uint8_t* pixel = photo.pixels.data();
  for (std::int64_t y = 0; y < shape.height; ++y) {
    for (std::int64_t x = 0; x < shape.width; ++x, pixel += 3) {
      canvas.fill(y * factor, x * factor, factor, factor, {pixel[0], pixel[1], pixel[2]});
    }
  }
  return canvas.image();
}

}  // namespace tessera
