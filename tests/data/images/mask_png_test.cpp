#include <doctest/doctest.h>

#include "core/error.h"
#include "core/rng.h"
#include "data/images/image.h"
#include "tests/support/index_png.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

using test::error_of;
using test::index_png;
using test::IndexPng;

std::span<const std::uint8_t> png_bytes(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::vector<std::uint8_t> samples_of(std::size_t count, int bits) {
  Rng rng(5, Stream::kSynthetic, 0, 0);
  std::vector<std::uint8_t> samples(count);
  for (std::uint8_t& sample : samples) {
    sample = static_cast<std::uint8_t>(rng.below(1u << static_cast<unsigned>(bits)));
  }
  return samples;
}

std::string error_for(const std::string& file) {
  return error_of<DataError>([&] { decode_mask_png(png_bytes(file), "m.png"); });
}

TEST_CASE("decode_mask_png: what is stored, of every depth, grey or with a palette") {
  for (const bool interlaced : {false, true}) {
    for (const int type : {0, 3}) {
      for (const int bits : {1, 2, 4, 8}) {
        for (const int width : {1, 3, 8, 13}) {
          CAPTURE(interlaced);
          CAPTURE(type);
          CAPTURE(bits);
          CAPTURE(width);
          const auto samples = samples_of(static_cast<std::size_t>(width) * 11, bits);
          const IndexPng png{.width = width, .bits = bits, .type = type, .interlaced = interlaced};
          const Image mask = decode_mask_png(png_bytes(index_png(samples, png)), "m.png");
          CHECK(mask.shape.height == 11);
          CHECK(mask.shape.width == width);
          CHECK(mask.shape.channels == 1);
          CHECK(mask.pixels == samples);
        }
      }
    }
  }
}

TEST_CASE("load_mask_png: reads what encode_png writes") {
  const test::ScratchFolder folder;
  const Image image{{2, 3, 1}, {0, 1, 2, 253, 254, 255}};
  write_png(folder / "grey.png", image);
  CHECK(load_mask_png(folder / "grey.png").pixels == image.pixels);
}

TEST_CASE("decode_mask_png: colours, 16 bits and other formats are refused by name") {
  const auto samples = samples_of(24, 8);
  CHECK(
      error_for(index_png(samples, {.width = 2, .type = 2})) ==
      "[mask] m.png: its pixels are colours (RGB); a mask is grey or has a palette, and the value "
      "or index of a pixel is its class");
  CHECK(error_for(index_png(samples, {.width = 2, .type = 6})).find("(RGBA)") != std::string::npos);
  CHECK(error_for(index_png(samples, {.width = 2, .type = 4})).find("(grey with alpha)") !=
        std::string::npos);
  CHECK(error_for(index_png(samples, {.width = 2, .bits = 16, .type = 0})) ==
        "[mask] m.png: 16 bits a pixel; a mask has at most 8");
  CHECK(error_for("BM no PNG at all, whatever its name says, and long enough for a header") ==
        "[mask] m.png: is no PNG; a mask must be one, so that its pixels keep their value");
  CHECK(error_for("").starts_with("[mask] m.png: is no PNG"));
}

TEST_CASE("decode_mask_png: no damaged file gives a mask") {
  const auto samples = samples_of(200, 4);
  const std::string whole = index_png(samples, {.width = 20, .bits = 4});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK(error_for(whole.substr(0, size)).find("m.png") != std::string::npos);
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK(error_for(damaged).find("m.png") != std::string::npos);
  }
  CHECK(error_for(whole).empty());
}

}  // namespace
}  // namespace tessera
