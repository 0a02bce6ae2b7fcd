#include "data/images/canvas.h"

#include <stb/stb_easy_font.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "data/images/image.h"

namespace tessera {
namespace {

constexpr std::int64_t kTextScale = 2;

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

/// A corner as stb_easy_font writes it; four make a rectangle.
struct Vertex {
  float x, y, z;
  std::array<std::uint8_t, 4> color;
};

/// The library looks letters up in a table of printable ASCII.
std::string printable(std::string_view line) {
  std::string text(line);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
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
  std::string copy = printable(line);
  // The library asks for 270 bytes a letter on average.
  std::vector<Vertex> corners(64 * (copy.size() + 1));
  const int count = stb_easy_font_print(0.0f, 0.0f, copy.data(), nullptr, corners.data(),
                                        static_cast<int>(corners.size() * sizeof(Vertex)));
  for (int i = 0; i < count; ++i) {
    const Vertex& first = corners[static_cast<std::size_t>(4 * i)];
    const Vertex& last = corners[static_cast<std::size_t>(4 * i + 2)];
    fill(y + kTextScale * static_cast<std::int64_t>(first.y),
         x + kTextScale * static_cast<std::int64_t>(first.x),
         kTextScale * static_cast<std::int64_t>(last.y - first.y),
         kTextScale * static_cast<std::int64_t>(last.x - first.x), color);
  }
}

std::int64_t Canvas::text_width(std::string_view line) {
  std::string copy = printable(line);
  return kTextScale * stb_easy_font_width(copy.data());
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
