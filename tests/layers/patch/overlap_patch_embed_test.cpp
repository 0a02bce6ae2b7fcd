#include "layers/patch/overlap_patch_embed.h"

#include <doctest/doctest.h>

#include "tests/support/embed_check.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

TEST_CASE("overlapping patches agree with a plain convolution and its finite differences") {
  struct Case {
    Size2 image, patch, kernel;
    std::int64_t padding, channels;
    Size2 before, map;  // what is expected
  };
  for (const Case& c : {
           Case{{16, 16}, {4, 4}, {7, 7}, kSamePadding, 3, {2, 2}, {4, 4}},
           Case{{17, 13}, {2, 3}, {5, 4}, kSamePadding, 1, {2, 1}, {9, 5}},
           Case{{9, 11}, {1, 1}, {3, 3}, kSamePadding, 5, {1, 1}, {9, 11}},
           Case{{15, 18}, {4, 4}, {4, 4}, kSamePadding, 3, {0, 0}, {4, 5}},
           Case{{16, 19}, {4, 4}, {7, 7}, 3, 3, {3, 3}, {4, 5}},
           Case{{12, 11}, {3, 2}, {5, 6}, 0, 1, {0, 0}, {3, 3}},
       }) {
    ModelConfig config = test::embed_config(PatchEmbedType::kOverlap, c.image, c.patch, c.channels);
    config.patch_embed.kernel = c.kernel;
    config.patch_embed.padding = c.padding;
    test::check_embed(config, [&](const Map& x, const Weights& w) {
      const Map tokens = conv(x, w, "proj", c.patch, c.before, c.map);
      return layer_norm(tokens, w, "norm");
    });
  }
}

TEST_CASE("the kernel of overlapping patches is 2 P - 1 unless given") {
  ModelConfig config = test::embed_config(PatchEmbedType::kOverlap, {16, 16}, {4, 2}, 3, false);
  CHECK(overlap_kernel(config) == Size2{7, 3});
  test::check_embed(config, [&](const Map& x, const Weights& w) {
    return conv(x, w, "proj", {4, 2}, {2, 1}, {4, 8});
  });
  config.patch_embed.kernel = {5, 4};
  CHECK(overlap_kernel(config) == Size2{5, 4});
}

TEST_CASE("with padding n overlapping patches may leave pixels unseen, with same they do not") {
  ModelConfig config = test::embed_config(PatchEmbedType::kOverlap, {18, 17}, {4, 4}, 3);
  config.patch_embed.kernel = {5, 5};
  config.patch_embed.padding = 0;
  CHECK(OverlapPatchEmbed(config).plan().unused_pixels == Size2{1, 0});
  config.patch_embed.padding = kSamePadding;
  CHECK(OverlapPatchEmbed(config).plan().unused_pixels == Size2{0, 0});
}

}  // namespace
}  // namespace tessera
