#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

#include "layers/patch/make_patch_layers.h"
#include "tests/support/layer_check.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

using test::Map;
using test::Weights;

// What stands between map and projection: neighbours, each channel in turn, from `places`.
Map gathered(const Map& x, const std::vector<Size2>& places) {
  Map out(x.batch, (x.height + 1) / 2, (x.width + 1) / 2,
          static_cast<std::int64_t>(places.size()) * x.channels);
  test::for_places(out, [&](std::int64_t b, std::int64_t i, std::int64_t j) {
    std::int64_t at = 0;
    for (const Size2& place : places) {
      for (std::int64_t c = 0; c < x.channels; ++c) {
        out.at(b, i, j, at++) = x.get(b, 2 * i + place[0], 2 * j + place[1], c);
      }
    }
  });
  return out;
}

std::vector<Size2> shifted_places(const std::vector<Size2>& views) {
  std::vector<Size2> places;
  for (const Size2& view : views) {
    for (const Size2& pixel : {Size2{0, 0}, Size2{0, 1}, Size2{1, 0}, Size2{1, 1}}) {
      places.push_back({view[0] + pixel[0], view[1] + pixel[1]});
    }
  }
  return places;
}

using Body = std::function<Map(const Map&, const Weights&)>;

// `gather` and `project` with the norm between them, or behind both in Swin v2.
Body normed(bool post, const std::function<Map(const Map&)>& gather, const Body& project) {
  return [=](const Map& x, const Weights& w) {
    const Map in = gather(x);
    if (post) return layer_norm(project(in, w), w, "norm");
    return project(layer_norm(in, w, "norm"), w);
  };
}

struct MergingCase {
  std::string name;
  std::function<void(PatchMergingConfig&)> change;
  std::function<Body(bool post, Size2 merged)> reference;
};

Map same(const Map& x) { return x; }

std::vector<MergingCase> merging_cases() {
  const auto by_linear = [](const std::vector<Size2>& places) {
    return [places](bool post, Size2) {
      return normed(
          post, [places](const Map& x) { return gathered(x, places); },
          [](const Map& x, const Weights& w) { return linear(x, w, "reduction"); });
    };
  };
  const auto by_conv = [](std::int64_t before) {
    return [before](bool post, Size2 merged) {
      return normed(post, same, [=](const Map& x, const Weights& w) {
        return conv(x, w, "reduction", {2, 2}, {before, before}, merged);
      });
    };
  };
  const auto by_scales = [](const std::vector<std::int64_t>& before) {
    return [before](bool post, Size2 merged) {
      return normed(post, same, [=](const Map& x, const Weights& w) {
        std::vector<Map> parts;
        for (std::size_t i = 0; i < before.size(); ++i) {
          parts.push_back(conv(x, w, "reductions." + std::to_string(i), {2, 2},
                               {before[i], before[i]}, merged));
        }
        return concatenated(parts);
      });
    };
  };
  using C = PatchMergingConfig;
  return {
      {"linear", [](C&) {}, by_linear({{0, 0}, {1, 0}, {0, 1}, {1, 1}})},
      {"conv", [](C& c) { c.type = PatchMergingType::kConv; }, by_conv(1)},
      {"conv 2",
       [](C& c) {
         c.type = PatchMergingType::kConv;
         c.kernel = 2;
       },
       by_conv(0)},
      {"conv 6",
       [](C& c) {
         c.type = PatchMergingType::kConv;
         c.kernel = 6;
       },
       by_conv(2)},
      {"shifted", [](C& c) { c.type = PatchMergingType::kShifted; },
       by_linear(shifted_places({{0, 0}, {-1, -1}, {-1, 1}, {1, -1}, {1, 1}}))},
      {"shifted, cardinal",
       [](C& c) {
         c.type = PatchMergingType::kShifted;
         c.directions = ShiftDirections::kCardinal;
       },
       by_linear(shifted_places({{0, 0}, {-1, 0}, {0, -1}, {0, 1}, {1, 0}}))},
      {"cross_scale", [](C& c) { c.type = PatchMergingType::kCrossScale; }, by_scales({0, 1})},
      {"cross_scale 2, 3, 5",
       [](C& c) {
         c.type = PatchMergingType::kCrossScale;
         c.kernels = {2, 3, 5};
       },
       by_scales({0, 1, 2})},
  };
}

TEST_CASE("every merging agrees with its definition and finite differences, in Swin and Swin v2") {
  for (const MergingCase& c : merging_cases()) {
    for (const ModelName name : {ModelName::kSwin, ModelName::kSwinV2}) {
      struct Place {
        Size2 map;
        MergeChannels channels;
      };
      for (const auto& [map, channels] :
           {Place{{4, 6}, {6, 12}}, Place{{5, 3}, {5, 8}}, Place{{1, 4}, {3, 4}}}) {
        CAPTURE(c.name);
        CAPTURE(static_cast<int>(name));
        CAPTURE(map[0]);
        ModelConfig config = test::tiny_config();
        config.name = name;
        c.change(config.patch_merging);
        REQUIRE(patch_merging_problems(config, channels).empty());
        const auto merging = make_patch_merging(config, channels);
        const Tensor x = test::random_tensor({2, map[0], map[1], channels.in}, 3);
        test::check_layer(*merging, x, c.reference(name == ModelName::kSwinV2, merged(map)));

        ParameterStore store(*merging);
        Profile profile;
        Tape tape({.training = false, .profile = &profile});
        merging->forward(tape, tape.constant(x.slice(0, {1, x.dim(1), x.dim(2), x.dim(3)})));
        double flops = 0.0;
        for (const auto& [op, entry] : profile.entries()) {
          if (op == "linear" || op == "conv2d") flops += entry.flops;
        }
        CHECK(2 * merging->plan(map).macs == std::llround(flops));
      }
    }
  }
}

TEST_CASE("channels that kernels cannot share are a problem of cross-scale merging") {
  ModelConfig config = test::tiny_config();
  config.patch_merging.type = PatchMergingType::kCrossScale;
  config.patch_merging.kernels = {2, 4, 6};
  CHECK(patch_merging_problems(config, {5, 10}).size() == 1);
  CHECK(patch_merging_problems(config, {6, 12}).empty());
}

}  // namespace
}  // namespace tessera
