// Formats of image files, by content and by name: the one list of both.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tessera {

enum class ImageFormat : std::uint8_t { kJpeg, kPng, kWebp, kBmp };

/// The format of a file by its first bytes, whatever its name says. `name` is for messages, as it
/// may be shown. Throws DataError that says what else it is.
ImageFormat image_format(std::span<const std::uint8_t> bytes, std::string_view name);

enum class NameKind : std::uint8_t {
  kOther,       ///< no image by its name
  kImage,       ///< an image that is read
  kUnreadImage  ///< an image of a format that is not read, such as TIFF
};

/// What the ending of a file's name says, in letters of any case.
NameKind kind_of_name(std::string_view path);

/// The endings of kImage, for messages: ".jpg, .jpeg, ...".
std::string_view image_endings();

}  // namespace tessera
