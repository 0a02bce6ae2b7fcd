// PNG files of one sample a pixel, of any depth, written by hand: the program writes only 8 bits.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::test {

struct IndexPng {
  int width = 1;
  int bits = 8;  ///< a sample: 1, 2, 4, 8 or 16
  int type = 3;  ///< of IHDR: 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA
  bool interlaced = false;
};

namespace detail {

inline void append_number(std::string& to, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) to += static_cast<char>(value >> shift & 0xffu);
}

inline void append_chunk(std::string& to, std::string_view type, std::string_view data) {
  append_number(to, static_cast<std::uint32_t>(data.size()));
  const std::string body = std::string(type) + std::string(data);
  to += body;
  append_number(to, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()),
                                                     static_cast<uInt>(body.size()))));
}

/// Filter byte 0, then the row's samples packed into whole bytes, the first in the highest bits.
inline void append_row(std::string& to, std::span<const std::uint8_t> samples, int bits) {
  to += '\0';
  unsigned byte = 0;
  int filled = 0;
  for (const std::uint8_t sample : samples) {
    if (bits == 16) to += '\0';
    byte = byte << static_cast<unsigned>(bits % 16) | sample;
    filled += bits == 16 ? 8 : bits;
    if (filled < 8) continue;
    to += static_cast<char>(byte);
    byte = 0;
    filled = 0;
  }
  if (filled > 0) to += static_cast<char>(byte << static_cast<unsigned>(8 - filled));
}

/// Adam7: seven grids {x0, y0, dx, dy} one after the other.
inline std::string interlaced_rows(std::span<const std::uint8_t> samples, int width, int bits) {
  const int height = static_cast<int>(samples.size()) / width;
  constexpr int kPasses[7][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                 {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
  std::string rows;
  for (const auto& [x0, y0, dx, dy] : kPasses) {
    for (int y = y0; y < height && x0 < width; y += dy) {
      std::vector<std::uint8_t> row;
      for (int x = x0; x < width; x += dx) {
        row.push_back(samples[static_cast<std::size_t>(y * width + x)]);
      }
      append_row(rows, row, bits);
    }
  }
  return rows;
}

}  // namespace detail

/// `samples` [height, width * samples a pixel]; the palette, where there is one, is of odd colours.
inline std::string index_png(std::span<const std::uint8_t> samples, const IndexPng& png) {
  const int per_pixel = png.type == 2 ? 3 : png.type == 4 ? 2 : png.type == 6 ? 4 : 1;
  const int row = png.width * per_pixel;
  const int height = static_cast<int>(samples.size()) / row;
  std::string file = "\x89PNG\r\n\x1a\n", header, rows;
  detail::append_number(header, static_cast<std::uint32_t>(png.width));
  detail::append_number(header, static_cast<std::uint32_t>(height));
  for (const int value : {png.bits, png.type, 0, 0, png.interlaced ? 1 : 0}) {
    header += static_cast<char>(value);
  }
  detail::append_chunk(file, "IHDR", header);
  if (png.type == 3) {
    std::string palette;
    for (int i = 0; i < 3 << png.bits; ++i) palette += static_cast<char>(251 - 7 * i);
    detail::append_chunk(file, "PLTE", palette);
  }
  if (png.interlaced) {
    rows = detail::interlaced_rows(samples, png.width, png.bits);
  } else {
    for (int y = 0; y < height; ++y) {
      detail::append_row(
          rows, samples.subspan(static_cast<std::size_t>(y * row), static_cast<std::size_t>(row)),
          png.bits);
    }
  }
  std::string packed(compressBound(static_cast<uLong>(rows.size())), '\0');
  uLongf size = static_cast<uLongf>(packed.size());
  compress(reinterpret_cast<Bytef*>(packed.data()), &size,
           reinterpret_cast<const Bytef*>(rows.data()), static_cast<uLong>(rows.size()));
  packed.resize(size);
  detail::append_chunk(file, "IDAT", packed);
  detail::append_chunk(file, "IEND", "");
  return file;
}

}  // namespace tessera::test
