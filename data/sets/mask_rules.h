// From the values of a mask's file to classes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/data_config.h"
#include "data/sample.h"

namespace tessera {

using Rgb = std::array<std::uint8_t, 3>;

/// `#1e90ff` or `1e90ff`. Throws ConfigError if it is no colour.
Rgb parse_color(std::string_view text);

/// How `data.colors` and `data.reduce_zero_label` are to be understood.
class MaskRules {
 public:
  /// Throws ConfigError if the colours are none, fewer than classes, or two of them the same.
  MaskRules(const DataConfig& config, std::int64_t num_classes);

  /// The pixels of a PNG file: numbers, or colours where the table is of them or the file has no
  /// numbers. `name` is for messages, as it may be shown. Throws DataError.
  Image decode(std::span<const std::uint8_t> bytes, std::string_view name) const;

  /// Their classes by the rules. Throws DataError that names the first pixel that is neither a
  /// class nor ignored, and the way out.
  Mask apply(const Image& image, std::string_view name) const;

 private:
  std::vector<std::uint8_t> numbers_of(const Image& image, std::string_view name) const;
  std::vector<std::uint8_t> look_up(const Image& image, std::string_view name) const;
  std::string advice(int value) const;

  std::int64_t num_classes_;
  std::vector<Rgb> colors_;  ///< of the classes in order, then of what is ignored
  bool reduce_zero_;
  std::uint8_t ignored_value_;
};

}  // namespace tessera
