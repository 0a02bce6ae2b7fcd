// What an image file is, by content and by name, and how the camera was held.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "data/images/image.h"

namespace tessera {

enum class ImageFormat : std::uint8_t { kJpeg, kPng, kWebp, kBmp };

/// The format of a file by its first bytes, whatever its name says. `name` is for messages, as it
/// may be shown. Throws DataError that says what else it is.
ImageFormat image_format(std::span<const std::uint8_t> bytes, std::string_view name);

bool is_png(std::span<const std::uint8_t> bytes);

enum class NameKind : std::uint8_t {
  kOther,       ///< no image by its name
  kImage,       ///< an image that is read
  kUnreadImage  ///< an image of a format that is not read, such as TIFF
};

/// What the ending of a file's name says, in letters of any case.
NameKind kind_of_name(std::string_view path);

/// The endings of kImage, for messages: ".jpg, .jpeg, ...".
std::string_view image_endings();

/// The orientation that a block of EXIF (2.32, tag 0x0112) names, 1 (upright) to 8, in either byte
/// order and any type of whole numbers; 1 where it names none or is damaged.
int exif_orientation(std::span<const std::uint8_t> block);

/// The image as it was seen through the camera: orientations 2 to 8 are its mirrorings and quarter
/// turns.
Image upright(Image image, int orientation);

}  // namespace tessera
