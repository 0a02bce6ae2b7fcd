#include "layers/heads/conv_norm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/layer_check.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

/// (x - mean) / sqrt(variance + 1e-5) * weight + bias, the statistics over `samples` neighbouring
/// samples, all places and `channels` neighbouring channels.
Map normed(const Map& in, const Weights& w, std::int64_t samples, std::int64_t channels) {
  Map out = in;
  for (std::int64_t b0 = 0; b0 < in.batch; b0 += samples) {
    for (std::int64_t c0 = 0; c0 < in.channels; c0 += channels) {
      std::vector<double> values;
      const auto each = [&](const auto& body) {
        for (std::int64_t b = b0; b < b0 + samples; ++b) {
          for (std::int64_t y = 0; y < in.height; ++y) {
            for (std::int64_t x = 0; x < in.width; ++x) {
              for (std::int64_t c = c0; c < c0 + channels; ++c) body(b, y, x, c);
            }
          }
        }
      };
      double mean = 0.0, variance = 0.0;
      const auto count = static_cast<double>(samples * in.height * in.width * channels);
      each([&](auto b, auto y, auto x, auto c) { mean += in.get(b, y, x, c) / count; });
      each([&](auto b, auto y, auto x, auto c) {
        variance += std::pow(in.get(b, y, x, c) - mean, 2) / count;
      });
      each([&](auto b, auto y, auto x, auto c) {
        const auto at = static_cast<std::size_t>(c);
        out.at(b, y, x, c) = (in.get(b, y, x, c) - mean) / std::sqrt(variance + 1e-5) *
                                 w.at("norm.weight").values[at] +
                             w.at("norm.bias").values[at];
      });
    }
  }
  return out;
}

/// What each norm does, in plain loops.
Map reference(const Map& x, const Weights& w, HeadNorm norm, std::int64_t side,
              std::int64_t groups) {
  const Map y = conv(x, w, "conv", {1, 1}, {side / 2, side / 2}, {x.height, x.width});
  switch (norm) {
    case HeadNorm::kGroup:
      return relu(normed(y, w, 1, y.channels / groups));
    case HeadNorm::kBatch:
      return relu(normed(y, w, y.batch, 1));
    case HeadNorm::kLayer:
      return relu(layer_norm(y, w, "norm"));
    case HeadNorm::kFrozenBatch:
      break;
  }
  Map out = y;  // of mean 0 and variance 1, where running statistics start
  test::for_places(out, [&](std::int64_t b, std::int64_t i, std::int64_t j) {
    for (std::int64_t c = 0; c < y.channels; ++c) {
      const auto at = static_cast<std::size_t>(c);
      out.at(b, i, j, c) =
          y.get(b, i, j, c) / std::sqrt(1.0 + 1e-5) * w.at("norm.weight").values[at] +
          w.at("norm.bias").values[at];
    }
  });
  return relu(out);
}

TEST_CASE("convolution, norm and ReLU agree with plain loops and finite differences") {
  struct Case {
    HeadNorm norm;
    std::int64_t side, channels, groups, expected_groups;
    bool bias;
  };
  for (const Case& c : {
           Case{HeadNorm::kGroup, 3, 8, 32, 8, false},
           Case{HeadNorm::kGroup, 1, 12, 32, 4, false},
           Case{HeadNorm::kGroup, 3, 8, 2, 2, true},
           Case{HeadNorm::kBatch, 3, 5, 32, 0, false},
           Case{HeadNorm::kBatch, 1, 8, 32, 0, false},
           Case{HeadNorm::kFrozenBatch, 3, 6, 32, 0, false},
           Case{HeadNorm::kLayer, 3, 8, 32, 0, false},
           Case{HeadNorm::kLayer, 1, 5, 32, 0, true},
       }) {
    CAPTURE(c.side);
    CAPTURE(static_cast<int>(c.norm));
    ConvNorm layer(4, c.channels, c.side, {.norm = c.norm, .groups = c.groups, .bias = c.bias});
    test::check_layer(layer, test::random_tensor({2, 5, 7, 4}, 3),
                      [&](const Map& x, const Weights& w) {
                        return reference(x, w, c.norm, c.side, c.expected_groups);
                      });
  }
}

TEST_CASE("what a convolution with a norm has, takes and remembers") {
  ConvNorm layer(4, 6, 3, {.norm = HeadNorm::kBatch});
  ParameterStore store(layer);
  std::vector<std::string> names;
  for (const auto& entry : store.entries()) names.push_back(entry.name);
  for (const auto& entry : store.buffers()) names.push_back(entry.name);
  CHECK(names == std::vector<std::string>{"conv.weight", "norm.weight", "norm.bias",
                                          "norm.running_mean", "norm.running_var"});
  CHECK(!store.find("norm.weight")->parameter->decay);
  CHECK(layer.plan({5, 7}).macs == 5 * 7 * 6 * 4 * 9);
  CHECK(layer.plan({5, 7}).saved == 2 * 5 * 7 * 6);

  Tape tape;
  CHECK_THROWS_WITH_AS(layer.forward(tape, tape.constant(test::random_tensor({1, 1, 1, 4}, 3))),
                       doctest::Contains("batch statistics need 2"), ShapeError);
}

TEST_CASE("a classifier of pixels starts near zero and drops whole maps in training") {
  PixelClassifier layer(8, 3, 0.5, 7);
  ParameterStore store(layer);
  store.initialize(5);
  double square = 0.0;
  for (const float w : store.find("weight")->parameter->value.span()) square += double{w} * w;
  CHECK(std::sqrt(square / 24.0) < 0.02);
  for (const float b : store.find("bias")->parameter->value.span()) CHECK(b == 0.0f);
  test::randomize(store, 17);

  const Tensor ones = Tensor::full({1, 3, 3, 8}, 1.0f);
  Tape still({.training = false}), moving;
  const Tensor plain = layer.forward(still, still.constant(ones)).value;
  const Tensor dropped = layer.forward(moving, moving.constant(ones)).value;
  CHECK(test::relative_error(plain, dropped) > 0.1);
  // The same channels are dropped at every place.
  for (int i = 0; i < 9; ++i) CHECK(dropped.f32()[i * 3] == doctest::Approx(dropped.f32()[0]));
}

}  // namespace
}  // namespace tessera
