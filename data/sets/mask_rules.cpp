#include "data/sets/mask_rules.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <unordered_map>

#include "core/error.h"
#include "core/text.h"
#include "data/images/image.h"
#include "data/images/image_format.h"

namespace tessera {
namespace {

std::string text_of(const Rgb& color) {
  return fmt::format("#{:02x}{:02x}{:02x}", color[0], color[1], color[2]);
}

std::uint32_t number_of(const Rgb& color) {
  return static_cast<std::uint32_t>(color[0] << 16 | color[1] << 8 | color[2]);
}

/// For messages: column and row.
std::string place_of(std::size_t pixel, std::int64_t width) {
  const auto at = static_cast<std::int64_t>(pixel);
  return fmt::format("({}, {})", at % width, at / width);
}

/// Whether a PNG says in its header that a pixel is red, green and blue, or has an alpha.
bool has_colors(std::span<const std::uint8_t> bytes) {
  constexpr std::size_t kColorType = 25;
  return bytes.size() > kColorType && bytes[0] == 0x89 &&
         (bytes[kColorType] == 2 || bytes[kColorType] == 4 || bytes[kColorType] == 6);
}

}  // namespace

Rgb parse_color(std::string_view text) {
  const std::string_view digits = text.starts_with('#') ? text.substr(1) : text;
  Rgb color{};
  bool is_color = digits.size() == 6;
  for (std::size_t i = 0; is_color && i < 6; ++i) {
    const char c =
        digits[i] >= 'A' && digits[i] <= 'F' ? static_cast<char>(digits[i] - 'A' + 'a') : digits[i];
    const bool is_letter = c >= 'a' && c <= 'f';
    is_color = is_letter || (c >= '0' && c <= '9');
    const int value = is_letter ? c - 'a' + 10 : c - '0';
    color[i / 2] = static_cast<std::uint8_t>(color[i / 2] * 16 + value);
  }
  if (!is_color) {
    fail<ConfigError>("[data] colors: {} is no colour; write red, green and blue as 1e90ff",
                      quoted(text));
  }
  return color;
}

MaskRules::MaskRules(const DataConfig& config, std::int64_t num_classes)
    : num_classes_(num_classes),
      reduce_zero_(config.reduce_zero_label),
      ignored_value_(static_cast<std::uint8_t>(config.ignored_value)) {
  for (const std::string& text : config.colors) {
    const Rgb color = parse_color(text);
    if (std::find(colors_.begin(), colors_.end(), color) != colors_.end()) {
      fail<ConfigError>("[data] colors: {} is there twice", text_of(color));
    }
    colors_.push_back(color);
  }
  if (!colors_.empty() && static_cast<std::int64_t>(colors_.size()) < num_classes) {
    fail<ConfigError>(
        "[data] colors: {} of them for {} classes; one a class, in their order, then "
        "those that are ignored",
        colors_.size(), num_classes);
  }
}

Image MaskRules::decode(std::span<const std::uint8_t> bytes, std::string_view name) const {
  const bool as_colors = !colors_.empty() || has_colors(bytes);
  return as_colors && is_png(bytes) ? decode_image(bytes, name, 3) : decode_mask_png(bytes, name);
}

Mask MaskRules::apply(const Image& image, std::string_view name) const {
  Mask mask{image.shape.height, image.shape.width,
            colors_.empty() ? numbers_of(image, name) : look_up(image, name)};
  if (colors_.empty() && ignored_value_ != kIgnored) {
    std::ranges::replace(mask.classes, ignored_value_, kIgnored);
  }
  if (colors_.empty() && reduce_zero_) {
    for (std::uint8_t& value : mask.classes) {
      value = value == 0 || value == kIgnored ? kIgnored : static_cast<std::uint8_t>(value - 1);
    }
  }
  const auto wrong = std::find_if(mask.classes.begin(), mask.classes.end(), [&](std::uint8_t v) {
    return v != kIgnored && v >= num_classes_;
  });
  if (wrong == mask.classes.end()) return mask;
  const int value = *wrong + (reduce_zero_ ? 1 : 0);
  fail<DataError>(
      "[mask] {}: pixel {} is {}, but the {} classes are {} to {} and {} is ignored; "
      "{}",
      name, place_of(static_cast<std::size_t>(wrong - mask.classes.begin()), image.shape.width),
      value, num_classes_, reduce_zero_ ? 1 : 0, num_classes_ - (reduce_zero_ ? 0 : 1),
      ignored_value_, advice(value));
}

std::string MaskRules::advice(int value) const {
  if (!reduce_zero_ && value == num_classes_) {
    return "if 0 stands for what is not a class, set data.reduce_zero_label: true; else name all "
           "classes in classes.txt or data.classes";
  }
  return "if the values are shades, data.colors says which is which class: [000000, ffffff]";
}

std::vector<std::uint8_t> MaskRules::numbers_of(const Image& image, std::string_view name) const {
  if (image.shape.channels == 1) return image.pixels;
  std::vector<std::uint8_t> numbers(image.pixels.size() / 3);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::uint8_t* rgb = &image.pixels[3 * i];
    numbers[i] = rgb[0];
    if (rgb[0] == rgb[1] && rgb[1] == rgb[2]) continue;
    fail<DataError>(
        "[mask] {}: pixel {} is the colour {}; data.colors says which colour is which "
        "class",
        name, place_of(i, image.shape.width), text_of({rgb[0], rgb[1], rgb[2]}));
  }
  return numbers;
}

std::vector<std::uint8_t> MaskRules::look_up(const Image& image, std::string_view name) const {
  std::unordered_map<std::uint32_t, std::uint8_t> classes;
  for (std::size_t c = 0; c < colors_.size(); ++c) {
    const bool is_class = static_cast<std::int64_t>(c) < num_classes_;
    classes[number_of(colors_[c])] = is_class ? static_cast<std::uint8_t>(c) : kIgnored;
  }
  const auto pixels = static_cast<std::size_t>(image.shape.height * image.shape.width);
  std::vector<std::uint8_t> found(pixels);
  std::uint32_t last = ~0u;
  std::uint8_t value = 0;
  for (std::size_t i = 0; i < pixels; ++i) {
    Rgb color{};
    std::copy_n(&image.pixels[3 * i], 3, color.begin());
    if (const std::uint32_t key = number_of(color); key != last) {
      const auto known = classes.find(key);
      if (known == classes.end()) {
        fail<DataError>(
            "[mask] {}: pixel {} is {}, which is none of the {} of data.colors; a "
            "colour after those of the classes is ignored",
            name, place_of(i, image.shape.width), text_of(color), colors_.size());
      }
      last = key;
      value = known->second;
    }
    found[i] = value;
  }
  return found;
}

}  // namespace tessera
