// Images: decoding photos into pixels and masks into classes, scaling them, and writing PNG.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct ImageShape {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;

  std::int64_t numel() const { return height * width * channels; }
  friend bool operator==(const ImageShape&, const ImageShape&) = default;
};

enum class Interpolation : std::uint8_t { kBilinear, kBicubic };

/// Pixels that belong to someone else.
struct ImageView {
  ImageShape shape;
  std::span<const std::uint8_t> pixels;  ///< [height, width, channels]
};

struct Image {
  ImageShape shape;
  std::vector<std::uint8_t> pixels;  ///< [height, width, channels]

  operator ImageView() const { return {shape, pixels}; }  // NOLINT(google-explicit-constructor)
};

/// Sides of an image in pixels; 0: any.
struct ImageSize {
  std::int64_t height = 0;
  std::int64_t width = 0;
};

/// JPEG, PNG, WebP or BMP as 1 (grey) or 3 (RGB) channels, as Pillow shows it: palettes looked up,
/// 16 bits cut to 8, transparent pixels over white, an EXIF orientation undone. `name` is for
/// messages. With `at_least`, a JPEG may come scaled down by 2, 4 or 8 as long as neither side is
/// less than asked for: much faster where the image is to be scaled down anyway. Thread-safe.
/// Throws DataError if the bytes are empty, of another format or kind, truncated or damaged,
/// promise more pixels than they can hold, or a side above 16384 pixels or more than 256 MB in all:
/// looked at before anything is allocated.
Image decode_image(std::span<const std::uint8_t> bytes, std::string_view name,
                   std::int64_t channels, const ImageSize& at_least = {});

struct DecodedImage {
  Image image;
  int orientation = 1;  ///< of EXIF, 1 (upright) to 8: undone in the image
};

/// decode_image, and how it was turned: for what was noted about the stored picture.
DecodedImage decode_turned_image(std::span<const std::uint8_t> bytes, std::string_view name,
                                 std::int64_t channels, const ImageSize& at_least = {});

/// decode_image of a file. Throws DataError.
Image load_image(const std::filesystem::path& path, std::int64_t channels,
                 const ImageSize& at_least = {});

/// The bytes of a PNG file; 1 to 4 channels: grey, grey and alpha, RGB, RGB and alpha.
std::string encode_png(const Image& image);

/// encode_png to a file. Throws DataError if it cannot be written.
void write_png(const std::filesystem::path& path, const Image& image);

/// With antialiasing: a filter as wide as the step between output pixels, at least 1, over
/// half-pixel centres; the same bytes as Pillow's BILINEAR and BICUBIC. Throws DataError if a side
/// is less than 1.
Image resize(const ImageView& image, std::int64_t height, std::int64_t width,
             Interpolation interpolation = Interpolation::kBilinear);

/// The values of a grey PNG or the indices of one with a palette, as stored, of 1 to 8 bits: no
/// palette is looked up, no grey stretched. Upright as `decode_image` would have it. `name` is for
/// messages. Thread-safe. Throws DataError if the bytes are no PNG, are damaged or beyond the
/// limits of `read_image_header`, or if a pixel has several samples or 16 bits.
Image decode_mask_png(std::span<const std::uint8_t> bytes, std::string_view name);

/// decode_mask_png of a file. Throws DataError.
Image load_mask_png(const std::filesystem::path& path);

}  // namespace tessera
