// Image files with something wrong, made from images that are made here too.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

// Static: apart from the copy of the program.
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

#include "core/rng.h"

namespace tessera::test {

struct CorruptedImage {
  std::string name;  ///< of the file; its ending may lie
  std::vector<std::uint8_t> bytes;
  /// No viewer may show it. The rest are flips in the coded pixels of JPEG and BMP, which have no
  /// checksum: some decode to another picture.
  bool must_fail = true;
};

namespace detail {

using ByteVector = std::vector<std::uint8_t>;

inline void append_bytes(void* context, void* data, int size) {
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  static_cast<ByteVector*>(context)->insert(static_cast<ByteVector*>(context)->end(), bytes,
                                            bytes + size);
}

/// 0: PNG, 1: JPEG, 2: BMP; of 8 to 71 pixels a side.
inline ByteVector whole_image(std::uint32_t format, Rng& rng) {
  const int height = 8 + static_cast<int>(rng.below(64));
  const int width = 8 + static_cast<int>(rng.below(64));
  const int channels = rng.below(2) == 0 ? 3 : 1;
  ByteVector pixels;
  for (int i = 0; i < height * width * channels; ++i) {
    pixels.push_back(static_cast<std::uint8_t>(128.0 + 90.0 * std::sin(0.07 * i) +
                                               static_cast<double>(rng.below(30))));
  }
  ByteVector file;
  if (format == 0) {
    stbi_write_png_to_func(append_bytes, &file, width, height, channels, pixels.data(), 0);
  } else if (format == 1) {
    stbi_write_jpg_to_func(append_bytes, &file, width, height, channels, pixels.data(), 85);
  } else {
    stbi_write_bmp_to_func(append_bytes, &file, width, height, channels, pixels.data());
  }
  return file;
}

/// Sides of 65,535 pixels in the header, whose checksum is right.
inline void claim_giant(ByteVector& file, std::uint32_t format) {
  if (format == 0) {
    const ByteVector side = {0, 0, 0xff, 0xff};
    std::copy(side.begin(), side.end(), file.begin() + 16);
    std::copy(side.begin(), side.end(), file.begin() + 20);
    const unsigned crc = stbiw__crc32(file.data() + 12, 17);
    for (unsigned i = 0; i < 4; ++i) file[29 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
  } else if (format == 1) {
    const ByteVector frame = {0xff, 0xc0};
    const auto at = std::search(file.begin(), file.end(), frame.begin(), frame.end());
    std::fill(at + 5, at + 9, std::uint8_t{0xff});
  } else {
    for (const std::size_t at : {18, 22}) file[at] = file[at + 1] = 0xff;
  }
}

inline void flip_bits(ByteVector& file, std::uint32_t count, Rng& rng) {
  for (std::uint32_t i = 0; i < count; ++i) {
    file[rng.below(static_cast<std::uint32_t>(file.size()))] ^=
        static_cast<std::uint8_t>(1u << rng.below(8));
  }
}

inline ByteVector noise(std::size_t size, Rng& rng) {
  ByteVector bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(rng.next());
  return bytes;
}

}  // namespace detail

/// The `index`-th of an endless row: nine kinds of damage to three formats in turn.
inline CorruptedImage corrupted_image(std::uint64_t index) {
  Rng rng(17, Stream::kSynthetic, 0, index);
  const auto format = static_cast<std::uint32_t>(index % 3);
  const char* const endings[] = {"png", "jpg", "bmp"};
  CorruptedImage image;
  detail::ByteVector& file = image.bytes;
  file = detail::whole_image(format, rng);
  const auto size = static_cast<std::uint32_t>(file.size());
  const char* kind = "";
  switch (index / 3 % 9) {
    case 0:
      kind = "one_bit";
      detail::flip_bits(file, 1, rng);
      image.must_fail = format == 0;
      break;
    case 1:
      kind = "many_bits";
      detail::flip_bits(file, 2 + rng.below(60), rng);
      image.must_fail = format == 0;
      break;
    case 2:
      kind = "truncated";
      file.resize(1 + rng.below(size - 2));
      break;
    case 3:
      kind = "empty";
      file.clear();
      break;
    case 4:
      kind = "zeros";
      std::fill(file.begin(), file.end(), std::uint8_t{0});
      break;
    case 5:
      kind = "zero_head";
      std::fill(file.begin(), file.begin() + 30, std::uint8_t{0});
      break;
    case 6:
      kind = "wrong_ending";
      file = {'<', 'h', 't', 'm', 'l', '>', '4', '0', '4'};
      break;
    case 7:
      kind = "giant";
      detail::claim_giant(file, format);
      break;
    case 8:
      kind = "noise_after_magic";
      file.resize(format == 0 ? 8 : 2);
      detail::append_bytes(&file, detail::noise(size, rng).data(), static_cast<int>(size));
      break;
  }
  image.name = std::to_string(index) + "_" + kind + "." + endings[format];
  return image;
}

}  // namespace tessera::test
