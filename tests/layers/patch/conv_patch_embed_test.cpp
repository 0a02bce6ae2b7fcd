#include "layers/patch/conv_patch_embed.h"

#include <doctest/doctest.h>

#include "core/error.h"
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
    CHECK(make_patch_embed(config)->plan(config.image_size).unused_pixels == c.unused);
  }
}

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
  CHECK(patch_kernel(config) == Size2{7, 3});
  test::check_embed(config, [&](const Map& x, const Weights& w) {
    return conv(x, w, "proj", {4, 2}, {2, 1}, {4, 8});
  });
  config.patch_embed.kernel = {5, 4};
  CHECK(patch_kernel(config) == Size2{5, 4});
}

TEST_CASE("with padding n overlapping patches may leave pixels unseen, with same they do not") {
  ModelConfig config = test::embed_config(PatchEmbedType::kOverlap, {18, 17}, {4, 4}, 3);
  config.patch_embed.kernel = {5, 5};
  config.patch_embed.padding = 0;
  CHECK(ConvPatchEmbed(config).plan(config.image_size).unused_pixels == Size2{1, 0});
  config.patch_embed.padding = kSamePadding;
  CHECK(ConvPatchEmbed(config).plan(config.image_size).unused_pixels == Size2{0, 0});
}

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
    CHECK(make_patch_embed(config)->plan(config.image_size).unused_pixels == c.unused);
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

TEST_CASE("edges that no whole kernel fits on are dropped, or filled up with zeros") {
  struct Case {
    PatchEmbedType type;
    Size2 image, dropped, padded;  // the maps
  };
  for (const Case& c : {
           Case{PatchEmbedType::kLinear, {18, 12}, {4, 3}, {5, 3}},
           Case{PatchEmbedType::kSliding, {9, 10}, {3, 4}, {4, 4}},
           Case{PatchEmbedType::kOverlap, {18, 13}, {4, 3}, {5, 3}},  // of which a pixel is seen
       }) {
    CAPTURE(static_cast<int>(c.type));
    ModelConfig config = test::embed_config(c.type, c.image, {4, 4}, 3);
    config.patch_embed.kernel = {5, 5};
    config.patch_embed.padding = 0;
    CHECK(ConvPatchEmbed(config).plan(c.image).map == c.dropped);
    config.patch_embed.edge = PatchEdge::kPad;
    const PatchEmbedPlan plan = ConvPatchEmbed(config).plan(c.image);
    CHECK(plan.map == c.padded);
    CHECK(plan.unused_pixels == Size2{0, 0});
    test::check_embed(config, [&](const Map& x, const Weights& w) {
      const Size2 stride = patch_rule(config).stride;
      return layer_norm(conv(x, w, "proj", stride, {0, 0}, c.padded), w, "norm");
    });
  }
}

TEST_CASE("images that are smaller than a patch: one token of zeros around them, or refused") {
  ModelConfig config = test::embed_config(PatchEmbedType::kLinear, {16, 16}, {4, 4}, 3);
  const auto tokens = [](const ModelConfig& c) {
    const auto embed = make_patch_embed(c);
    const ParameterStore store(*embed);
    Tape tape({.training = false});
    return embed->forward(tape, tape.constant(Tensor::zeros({1, 3, 9, 3}))).shape();
  };
  CHECK_THROWS_AS(tokens(config), ShapeError);
  config.patch_embed.edge = PatchEdge::kPad;
  CHECK(tokens(config) == Shape{1, 1, 3, 8});
}

}  // namespace
}  // namespace tessera
