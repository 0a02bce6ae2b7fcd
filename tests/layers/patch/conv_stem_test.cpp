#include "layers/patch/conv_stem.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/support/embed_check.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

Map half(const Map& x, const Weights& w, int index, Size2 stride) {
  const std::string name = "stem." + std::to_string(index);
  const Size2 size{(x.height + stride[0] - 1) / stride[0], (x.width + stride[1] - 1) / stride[1]};
  return relu(layer_norm(conv(x, w, name + ".conv", stride, {1, 1}, size), w, name + ".norm"));
}

TEST_CASE("a convolutional stem agrees with its layers one by one and finite differences") {
  struct Case {
    Size2 image, patch;
    std::int64_t channels;
    std::vector<Size2> strides;  // what is expected
  };
  for (const Case& c : {
           Case{{7, 6}, {1, 1}, 3, {{1, 1}}},
           Case{{9, 11}, {2, 2}, 1, {{2, 2}}},
           Case{{13, 10}, {4, 4}, 3, {{2, 2}, {2, 2}}},
           Case{{9, 16}, {2, 8}, 5, {{2, 2}, {1, 2}, {1, 2}}},
           Case{{17, 16}, {16, 16}, 1, {{2, 2}, {2, 2}, {2, 2}, {2, 2}}},
       }) {
    const ModelConfig config =
        test::embed_config(PatchEmbedType::kConvStem, c.image, c.patch, c.channels);
    test::check_embed(config, [&](const Map& images, const Weights& w) {
      Map x = images;
      for (std::size_t i = 0; i < c.strides.size(); ++i) {
        x = half(x, w, static_cast<int>(i), c.strides[i]);
      }
      return layer_norm(linear(x, w, "proj"), w, "norm");
    });
  }
}

TEST_CASE("widths of a stem double up to embed_dim, or are given") {
  const auto widths = [](const ModelConfig& config) {
    std::vector<std::int64_t> channels;
    for (const StemConv& conv : stem_convs(config)) channels.push_back(conv.channels);
    return channels;
  };
  ModelConfig config = test::embed_config(PatchEmbedType::kConvStem, {32, 32}, {8, 8}, 3, false);
  config.embed_dim = 48;
  CHECK(widths(config) == std::vector<std::int64_t>{12, 24, 48});
  config.embed_dim = 20;
  CHECK(widths(config) == std::vector<std::int64_t>{8, 10, 20});
  config.patch_size = {2, 2};
  config.patch_embed.stem_channels = {6, 12};
  config.embed_dim = 8;
  test::check_embed(config, [&](const Map& x, const Weights& w) {
    return linear(half(half(x, w, 0, {2, 2}), w, 1, {1, 1}), w, "proj");
  });
}

}  // namespace
}  // namespace tessera
