#include "layers/patch/shifted_patches.h"

#include <doctest/doctest.h>

#include "tests/support/embed_check.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

// The image as it is and shifted copies of it, one after the other: what the op never makes.
Map with_copies(const Map& x, const std::vector<Size2>& views) {
  std::vector<Map> copies;
  for (const Size2& view : views) {
    Map copy = x;
    test::for_places(copy, [&](std::int64_t b, std::int64_t i, std::int64_t j) {
      for (std::int64_t c = 0; c < x.channels; ++c) {
        copy.at(b, i, j, c) = x.get(b, i + view[0], j + view[1], c);
      }
    });
    copies.push_back(copy);
  }
  return test::concatenated(copies);
}

// Patches of the copies as vectors, ordered (view, dh, dw, channel). Zeros fill the last patch of
// the image itself; what a copy has there comes from the image again.
Map patches(const Map& x, const std::vector<Size2>& views, Size2 patch) {
  const Size2 map{(x.height + patch[0] - 1) / patch[0], (x.width + patch[1] - 1) / patch[1]};
  Map out(x.batch, map[0], map[1],
          static_cast<std::int64_t>(views.size()) * patch[0] * patch[1] * x.channels);
  test::for_places(out, [&](std::int64_t b, std::int64_t i, std::int64_t j) {
    std::int64_t at = 0;
    for (const Size2& view : views) {
      for (std::int64_t dh = 0; dh < patch[0]; ++dh) {
        for (std::int64_t dw = 0; dw < patch[1]; ++dw) {
          for (std::int64_t c = 0; c < x.channels; ++c) {
            out.at(b, i, j, at++) =
                x.get(b, i * patch[0] + dh + view[0], j * patch[1] + dw + view[1], c);
          }
        }
      }
    }
  });
  return out;
}

// A kernel [D, views C, Ph, Pw] times patches in their own order.
Map project(const Map& in, const Weights& w, std::size_t views) {
  const test::Weight& weight = w.at("proj.weight");
  const std::int64_t pixels = weight.shape[2] * weight.shape[3];
  const std::int64_t channels = weight.shape[1] / static_cast<std::int64_t>(views);
  Map out(in.batch, in.height, in.width, weight.shape[0]);
  test::for_places(out, [&](std::int64_t b, std::int64_t i, std::int64_t j) {
    for (std::int64_t o = 0; o < out.channels; ++o) {
      double sum = w.at("proj.bias").values[static_cast<std::size_t>(o)];
      for (std::int64_t k = 0; k < in.channels; ++k) {
        const std::int64_t c = k % channels, pixel = k / channels % pixels;
        const std::int64_t view = k / channels / pixels;
        const std::int64_t at = ((o * weight.shape[1]) + view * channels + c) * pixels + pixel;
        sum += in.get(b, i, j, k) * weight.values[static_cast<std::size_t>(at)];
      }
      out.at(b, i, j, o) = sum;
    }
  });
  return out;
}

const std::vector<Size2> kDiagonal{{0, 0}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
const std::vector<Size2> kCardinal{{0, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, 0}};
const std::vector<Size2> kEight{{0, 0},  {-1, -1}, {-1, 1}, {1, -1}, {1, 1},
                                {-1, 0}, {0, -1},  {0, 1},  {1, 0}};

TEST_CASE("shifted patches agree with their definition and its finite differences") {
  struct Case {
    Size2 image, patch, shift_given, shift;
    std::int64_t channels;
    ShiftDirections directions;
    bool norm;
  };
  for (const Case& c : {
           Case{{8, 8}, {4, 4}, {}, {2, 2}, 3, ShiftDirections::kDiagonal, true},
           Case{{9, 7}, {3, 3}, {}, {1, 1}, 1, ShiftDirections::kCardinal, true},
           Case{{5, 6}, {1, 1}, {}, {1, 1}, 3, ShiftDirections::kEight, true},
           Case{{7, 11}, {2, 5}, {}, {1, 2}, 5, ShiftDirections::kDiagonal, false},
           Case{{8, 9}, {2, 2}, {3, 0}, {3, 0}, 1, ShiftDirections::kEight, false},
       }) {
    ModelConfig config =
        test::embed_config(PatchEmbedType::kShifted, c.image, c.patch, c.channels, c.norm);
    config.patch_embed.shift_pixels = c.shift_given;
    config.patch_embed.directions = c.directions;
    std::vector<Size2> views = c.directions == ShiftDirections::kDiagonal   ? kDiagonal
                               : c.directions == ShiftDirections::kCardinal ? kCardinal
                                                                            : kEight;
    for (Size2& view : views) view = {view[0] * c.shift[0], view[1] * c.shift[1]};
    test::check_embed(config, [&](const Map& x, const Weights& w) {
      const Map gathered = patches(x, views, c.patch);
      return project(c.norm ? layer_norm(gathered, w, "norm") : gathered, w, views.size());
    });
  }
}

TEST_CASE("shifted patches are the patches of the image beside its shifted copies") {
  // The projection alone, as the convolution over the concatenated copies that the paper describes.
  ModelConfig config = test::embed_config(PatchEmbedType::kShifted, {8, 12}, {4, 2}, 3, false);
  test::check_embed(config, [&](const Map& x, const Weights& w) {
    const std::vector<Size2> views{{0, 0}, {-2, -1}, {-2, 1}, {2, -1}, {2, 1}};
    return conv(with_copies(x, views), w, "proj", {4, 2}, {0, 0}, {2, 6});
  });
}

}  // namespace
}  // namespace tessera
