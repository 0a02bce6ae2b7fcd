#include "layers/patch/sliding_patch_embed.h"

#include <doctest/doctest.h>

#include "layers/patch/overlap_patch_embed.h"
#include "tests/support/embed_check.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

TEST_CASE("sliding patches agree with a plain convolution without padding") {
  struct Case {
    Size2 image, patch, stride;
    std::int64_t channels;
    Size2 expected, map, unused;
  };
  for (const Case& c : {
           Case{{16, 16}, {4, 4}, {}, 3, {2, 2}, {7, 7}, {0, 0}},
           Case{{14, 11}, {5, 3}, {}, 1, {3, 2}, {4, 5}, {0, 0}},
           Case{{9, 10}, {4, 4}, {3, 4}, 5, {3, 4}, {2, 2}, {2, 2}},
           Case{{5, 6}, {1, 1}, {}, 3, {1, 1}, {5, 6}, {0, 0}},
       }) {
    ModelConfig config = test::embed_config(PatchEmbedType::kSliding, c.image, c.patch, c.channels);
    config.patch_embed.stride = c.stride;
    test::check_embed(config, [&](const Map& x, const Weights& w) {
      return layer_norm(conv(x, w, "proj", c.expected, {0, 0}, c.map), w, "norm");
    });
    CHECK(make_patch_embed(config)->plan().unused_pixels == c.unused);
  }
}

TEST_CASE("sliding is overlap by other keys") {
  ModelConfig sliding = test::embed_config(PatchEmbedType::kSliding, {14, 11}, {5, 3}, 3);
  ModelConfig overlap = test::embed_config(PatchEmbedType::kOverlap, {14, 11}, {3, 2}, 3);
  overlap.patch_embed.kernel = {5, 3};
  overlap.patch_embed.padding = 0;
  const auto tokens = [](const ModelConfig& config) {
    const auto embed = make_patch_embed(config);
    ParameterStore store(*embed);
    test::randomize(store, 3);
    Tape tape({.training = false});
    return embed->forward(tape, tape.constant(test::random_images(config, 2))).value;
  };
  const Tensor a = tokens(sliding), b = tokens(overlap);
  REQUIRE(a.shape() == b.shape());
  CHECK(test::relative_error(a, b) == 0.0);
}

}  // namespace
}  // namespace tessera
