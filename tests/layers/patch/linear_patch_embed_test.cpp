#include "layers/patch/linear_patch_embed.h"

#include <doctest/doctest.h>

#include "tests/support/embed_check.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

TEST_CASE("linear patches agree with a plain convolution and its finite differences") {
  struct Case {
    Size2 image, patch;
    std::int64_t channels;
    bool norm;
    Size2 map, unused;
  };
  for (const Case& c : {
           Case{{5, 6}, {1, 1}, 3, true, {5, 6}, {0, 0}},
           Case{{16, 12}, {4, 4}, 3, true, {4, 3}, {0, 0}},
           Case{{17, 21}, {3, 5}, 1, false, {5, 4}, {2, 1}},
           Case{{9, 7}, {2, 2}, 5, true, {4, 3}, {1, 1}},
           Case{{33, 18}, {16, 17}, 3, false, {2, 1}, {1, 1}},
       }) {
    const ModelConfig config =
        test::embed_config(PatchEmbedType::kLinear, c.image, c.patch, c.channels, c.norm);
    test::check_embed(config, [&](const Map& x, const Weights& w) {
      const Map tokens = conv(x, w, "proj", c.patch, {0, 0}, c.map);
      return c.norm ? layer_norm(tokens, w, "norm") : tokens;
    });
    CHECK(make_patch_embed(config)->plan().unused_pixels == c.unused);
  }
}

}  // namespace
}  // namespace tessera
