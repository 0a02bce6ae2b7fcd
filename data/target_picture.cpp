#include "data/target_picture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace tessera {

Color class_color(std::int64_t label) {
  // Steps of the golden ratio keep any number of hues apart; three lightnesses in turn.
  const double hue = std::fmod(0.02 + static_cast<double>(label) * 0.61803398875, 1.0) * 6.0;
  const double value = 255.0 - 55.0 * static_cast<double>(label % 3);
  Color color{};
  for (std::size_t c = 0; c < 3; ++c) {
    const double distance = std::abs(std::remainder(hue - 2.0 * static_cast<double>(c), 6.0));
    const double share = std::clamp(2.0 - distance, 0.0, 1.0);
    color[c] = static_cast<std::uint8_t>(std::lround(value * (0.15 + 0.85 * share)));
  }
  return color;
}

Image in_colors(const ImageView& image) {
  Image colors{{image.shape.height, image.shape.width, 3}, {}};
  const auto step = static_cast<std::size_t>(image.shape.channels);
  for (std::size_t at = 0; at < image.pixels.size(); at += step) {
    for (std::size_t c = 0; c < 3; ++c) {
      colors.pixels.push_back(image.pixels[at + std::min(c, step - 1)]);
    }
  }
  return colors;
}

Image with_mask(Image image, const Mask& mask, double opacity) {
  const std::int64_t height = std::min(image.shape.height, mask.height);
  const std::int64_t width = std::min(image.shape.width, mask.width);
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const std::uint8_t value = mask.classes[static_cast<std::size_t>(y * mask.width + x)];
      const Color color = value == kIgnored ? Color{0, 0, 0} : class_color(value);
      std::uint8_t* pixel = image.pixels.data() + (y * image.shape.width + x) * 3;
      for (std::size_t c = 0; c < 3; ++c) {
        pixel[c] =
            static_cast<std::uint8_t>(std::lround((1.0 - opacity) * pixel[c] + opacity * color[c]));
      }
    }
  }
  return image;
}

Image with_boxes(const Image& image, std::span<const Box> boxes,
                 const std::vector<std::string>& names) {
  Canvas canvas(image.shape.height, image.shape.width, {0, 0, 0});
  canvas.draw(0, 0, image);
  for (const Box& box : boxes) {
    const auto x = static_cast<std::int64_t>(box.x0), y = static_cast<std::int64_t>(box.y0);
    const auto width = std::max<std::int64_t>(1, std::lround(box.x1) - x);
    const auto height = std::max<std::int64_t>(1, std::lround(box.y1) - y);
    const Color color = class_color(box.label);
    canvas.outline(y, x, height, width, box.crowd || std::min(height, width) < 4 ? 1 : 2, color);
    const auto label = static_cast<std::size_t>(box.label);
    if (label < names.size()) canvas.text(y + 3, x + 4, names[label], color);
  }
  return canvas.image();
}

}  // namespace tessera
