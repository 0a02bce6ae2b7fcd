#include "layers/patch/cross_scale_patches.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/embed_check.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

TEST_CASE("cross-scale patches agree with convolutions side by side and finite differences") {
  struct Case {
    Size2 image, patch;
    std::vector<std::int64_t> kernels;  // as given
    std::int64_t channels;
    std::vector<Size2> expected, before;
    Size2 map;
  };
  for (const Case& c : {
           Case{{16, 16},
                {2, 2},
                {},
                3,
                {{2, 2}, {4, 4}, {8, 8}, {16, 16}},
                {{0, 0}, {1, 1}, {3, 3}, {7, 7}},
                {8, 8}},
           Case{{9, 7},
                {1, 1},
                {1, 4, 5},
                1,
                {{1, 1}, {4, 4}, {5, 5}},
                {{0, 0}, {2, 2}, {2, 2}},
                {9, 7}},
           Case{{11, 13}, {3, 2}, {}, 5, {{3, 2}, {6, 4}}, {{0, 0}, {2, 1}}, {4, 7}},
           Case{{10, 9}, {4, 4}, {5}, 3, {{5, 5}}, {{1, 1}}, {3, 3}},
       }) {
    ModelConfig config =
        test::embed_config(PatchEmbedType::kCrossScale, c.image, c.patch, c.channels);
    config.patch_embed.kernels = c.kernels;
    CHECK(cross_scale_kernels(config) == c.expected);
    test::check_embed(config, [&](const Map& x, const Weights& w) {
      std::vector<Map> parts;
      for (std::size_t i = 0; i < c.expected.size(); ++i) {
        parts.push_back(conv(x, w, "projs." + std::to_string(i), c.patch, c.before[i], c.map));
      }
      return layer_norm(concatenated(parts), w, "norm");
    });
  }
}

TEST_CASE("channels are split into halves, quarters, ... and the rest") {
  CHECK(cross_scale_channels(96, 4) == std::vector<std::int64_t>{48, 24, 12, 12});
  CHECK(cross_scale_channels(10, 2) == std::vector<std::int64_t>{5, 5});
  CHECK(cross_scale_channels(7, 1) == std::vector<std::int64_t>{7});
  CHECK(cross_scale_channels(12, 4).empty());
}

}  // namespace
}  // namespace tessera
