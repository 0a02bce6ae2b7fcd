#include "formats/weights/fit.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "formats/safetensors.h"
#include "formats/weights/buffers.h"
#include "formats/weights/load_weights.h"
#include "tests/support/gradient_check.h"
#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

using test::error_of;
using Status = LoadReport::Status;

bool untouched(const std::vector<NamedTensor>& model) {
  return std::all_of(model.begin(), model.end(), [](const NamedTensor& named) {
    const auto values = named.tensor.span();
    return std::all_of(values.begin(), values.end(), [](float v) { return v == 0.0f; });
  });
}

/// A model of two stages on 16 x 16 pixels: patch 2, window 4.
ModelConfig other_geometry() {
  ModelConfig config;
  config.image_size = {16, 16};
  config.patch_size = {2, 2};
  config.window_size = {3, 4};
  config.embed_dim = 4;
  config.depths = {1, 1};
  config.num_heads = {1, 2};
  config.in_channels = 1;
  return config;
}

TEST_CASE("load_weights: another window, map, patch and channels are fitted and reported") {
  const std::vector<NamedTensor> saved{
      {"patch_embed.proj.weight", Tensor::full({4, 3, 4, 4}, 1.0f)},
      {"absolute_pos_embed", Tensor::full({1, 16, 4}, 2.0f)},
      {"stages.0.blocks.0.attn.relative_position_bias_table", Tensor::full({9, 1}, 3.0f)},
      {"stages.1.blocks.0.attn.relative_position_bias_table", Tensor::full({9, 2}, 4.0f)},
      {"head.weight", Tensor::full({2, 8}, 5.0f)}};
  TensorFile file{.path = "f", .metadata = {{"naming", "tessera"}}, .tensors = {}};
  for (const NamedTensor& named : saved) file.tensors.push_back(view_of(named.name, named.tensor));
  std::vector<NamedTensor> model{
      {"patch_embed.proj.weight", Tensor::zeros({4, 1, 2, 2})},
      {"absolute_pos_embed", Tensor::zeros({1, 64, 4})},
      {"stages.0.blocks.0.attn.relative_position_bias_table", Tensor::zeros({35, 1})},
      {"stages.1.blocks.0.attn.relative_position_bias_table", Tensor::zeros({35, 2})},
      {"head.weight", Tensor::zeros({3, 8})}};
  const ModelConfig config = other_geometry();
  const auto error = [&](const LoadOptions& options) {
    return error_of<CheckpointError>([&] { load_weights(file, model, options); });
  };
  CHECK(error({}).find("5 of another shape") != std::string::npos);
  CHECK(error({.fit = &config}).find("1 of another shape\n  of another shape head.weight") !=
        std::string::npos);
  CHECK(untouched(model));

  const LoadReport report =
      load_weights(file, model, {.allow_missing = {"head.*"}, .fit = &config});
  CHECK(report.count(Status::kFitted) == 4);
  CHECK(report.summary() ==
        std::vector<std::string>{
            "patch_embed.proj.weight: summed over 3 channels, resized by pseudo-inverse from 4x4 "
            "to 2x2 pixels",
            "absolute_pos_embed: resized bicubically from 4x4 to 8x8 tokens",
            "stages.0.blocks.0.attn.relative_position_bias_table: resized bicubically from 3x3 to "
            "5x7 offsets",
            "stages.1.blocks.0.attn.relative_position_bias_table: resized bicubically from 3x3 to "
            "5x7 offsets",
            "head.weight: file [2, 8], model [3, 8]; keeps its initial value",
            "4 of 5 parameters loaded (tessera names)"});
  const auto all_are = [&](std::size_t i, float value) {
    for (const float v : model[i].tensor.span()) CHECK(v == doctest::Approx(value));
  };
  all_are(0, 11.5248f);  // 3 channels, about 4 times the pixels
  all_are(1, 2.0f);
  all_are(2, 3.0f);
  all_are(3, 4.0f);
  all_are(4, 0.0f);
}

/// A parameter whose values are those of `value` at its rows and columns: [rows, columns, ...].
template <typename Value>
Tensor map_of(const Shape& shape, std::int64_t columns, Value value) {
  Tensor tensor = Tensor::empty(shape);
  const std::int64_t channels = shape[-1];
  for (std::int64_t i = 0; i < shape.numel(); ++i) {
    const std::int64_t place = i / channels;
    tensor.f32()[i] = static_cast<float>(value(place / columns, place % columns));
  }
  return tensor;
}

/// The configuration of weights that were trained with rectangles everywhere, or a model of it.
ModelConfig rectangles(Size2 image, Size2 patch, Size2 window) {
  ModelConfig config = other_geometry();
  config.image_size = image;
  config.patch_size = patch;
  config.window_size = window;
  return config;
}

/// Weights of a model of `from` that are plain slopes, fitted to a model of `to`.
struct Slopes {
  Slopes(const ModelConfig& from, const ModelConfig& to) {
    const auto offsets = [](const ModelConfig& c) {
      return Size2{2 * c.window_size[0] - 1, 2 * c.window_size[1] - 1};
    };
    const auto map = [](const ModelConfig& c) {
      return Size2{c.image_size[0] / c.patch_size[0], c.image_size[1] / c.patch_size[1]};
    };
    const auto slope = [](std::int64_t y, std::int64_t x) { return 100 * y + x; };
    const auto [th, tw] = offsets(from);
    const auto [mh, mw] = map(from);
    const Tensor table = map_of({th * tw, 1}, tw, slope);
    const Tensor position = map_of({1, mh * mw, 4}, mw, slope);
    const Tensor kernel = Tensor::full({4, 1, from.patch_size[0], from.patch_size[1]}, 1.0f);
    TensorFile file{.path = "f", .metadata = {{"naming", "tessera"}}, .tensors = {}};
    file.tensors.push_back(view_of(kTableName, table));
    file.tensors.push_back(view_of("absolute_pos_embed", position));
    file.tensors.push_back(view_of("patch_embed.proj.weight", kernel));
    const auto [oh, ow] = offsets(to);
    const auto [nh, nw] = map(to);
    model = {
        {kTableName, Tensor::zeros({oh * ow, 1})},
        {"absolute_pos_embed", Tensor::zeros({1, nh * nw, 4})},
        {"patch_embed.proj.weight", Tensor::zeros({4, 1, to.patch_size[0], to.patch_size[1]})}};
    lines = load_weights(file, model, {.fit = &to, .source = from}).summary();
    lines.pop_back();
  }

  static constexpr const char* kTableName = "stages.0.blocks.0.attn.relative_position_bias_table";
  std::vector<NamedTensor> model;
  std::vector<std::string> lines;
};

TEST_CASE("load_weights: rectangles are fitted to rectangles, in both directions") {
  const ModelConfig flat = rectangles({16, 48}, {2, 4}, {2, 6});  // 8 x 12 tokens
  const ModelConfig tall = rectangles({60, 24}, {6, 3}, {5, 3});  // 10 x 8 tokens
  const Slopes there(flat, tall), back(tall, flat);
  CHECK(there.lines ==
        std::vector<std::string>{
            "stages.0.blocks.0.attn.relative_position_bias_table: resized bicubically from 3x11 "
            "to 9x5 offsets",
            "absolute_pos_embed: resized bicubically from 8x12 to 10x8 tokens",
            "patch_embed.proj.weight: resized by pseudo-inverse from 2x4 to 6x3 pixels"});
  CHECK(back.lines ==
        std::vector<std::string>{
            "stages.0.blocks.0.attn.relative_position_bias_table: resized bicubically from 9x5 to "
            "3x11 offsets",
            "absolute_pos_embed: resized bicubically from 10x8 to 8x12 tokens",
            "patch_embed.proj.weight: resized by pseudo-inverse from 6x3 to 2x4 pixels"});
  for (const Slopes* fitted : {&there, &back}) {
    const bool is_there = fitted == &there;
    const Size2 table = is_there ? Size2{9, 5} : Size2{3, 11};
    const float* values = fitted->model[0].tensor.f32();
    // The middle of a slope stays its middle, and its lines stay apart: nothing was transposed.
    const float middle = is_there ? 105.0f : 402.0f;
    CHECK(values[table[0] * table[1] / 2] == doctest::Approx(middle));
    const float down = values[(table[0] / 2 + 1) * table[1] + table[1] / 2] - middle;
    const float right = values[table[0] * table[1] / 2 + 1] - middle;
    CHECK(down == doctest::Approx(is_there ? 100.0 * 3 / 9 : 300.0).epsilon(0.3));
    CHECK(right == doctest::Approx(is_there ? 11.0 / 5 : 5.0 / 11).epsilon(0.3));
    // A patch of ones nearly keeps its sum.
    const Tensor& kernel = fitted->model[2].tensor;
    float sum = 0.0f;
    for (std::int64_t i = 0; i < kernel.numel() / 4; ++i) sum += kernel.f32()[i];
    CHECK(sum == doctest::Approx(is_there ? 8.0 : 18.0).epsilon(0.05));
  }
}

TEST_CASE("absolute positions are resized as timm resizes them") {
  const TensorFile file = read_safetensors(test::fixture("timm_positions.safetensors"));
  for (const Size2 map : {Size2{7, 7}, Size2{20, 20}, Size2{5, 17}}) {
    CAPTURE(by(map));
    ModelConfig config;
    config.name = ModelName::kViT;
    config.pool = Pooling::kToken;
    config.position = {.relative = false, .absolute = true};
    config.image_size = {2 * map[0], 2 * map[1]};
    config.patch_size = {2, 2};
    config.embed_dim = 4;
    config.depths = {1};
    config.num_heads = {1};
    config.in_channels = 1;
    const auto fitted = fit_tensor("pos_embed", file.f32("positions"), {1, 1 + map[0] * map[1], 4},
                                   config, SourceGeometry{});
    REQUIRE(fitted);
    const Tensor expected = file.f32(fmt::format("positions/{}x{}", map[0], map[1]));
    CHECK(test::relative_error(fitted->values, expected.reshape(fitted->values.shape())) < 1e-6);
  }
}

TEST_CASE("load_weights: a table of no square is fitted if the index of its window tells") {
  const ModelConfig to = rectangles({16, 48}, {2, 4}, {4, 4});
  for (const Size2 window : {Size2{2, 6}, Size2{6, 2}, Size2{1, 17}}) {
    const Tensor table = Tensor::full({33, 1}, 1.0f);
    const AttentionGeometry module{.name = "stages.0.blocks.0.attn", .window = window};
    for (const Naming naming : {Naming::kTorchvision, Naming::kOfficial}) {
      CAPTURE(name_of(naming));
      TensorFile file{.path = "f", .metadata = {}, .tensors = {}};
      const NamedTensor named{Slopes::kTableName, table};
      file.tensors.push_back(view_of(rename_tensors(std::span(&named, 1), naming)[0].name, table));
      for (const StoredTensor& buffer : make_buffers(std::span(&module, 1), naming)) {
        file.tensors.push_back(buffer);
      }
      std::vector<NamedTensor> model{{Slopes::kTableName, Tensor::zeros({49, 1})}};
      const LoadReport report = load_weights(file, model, {.fit = &to});
      CHECK(report.summary()[0] == fmt::format("{}: resized bicubically from {}x{} to 7x7 offsets",
                                               Slopes::kTableName, 2 * window[0] - 1,
                                               2 * window[1] - 1));
      file.tensors.pop_back();
      CHECK_THROWS_AS(load_weights(file, model, {.fit = &to}), CheckpointError);
    }
  }
}

TEST_CASE("load_weights: what cannot be fitted stays of another shape") {
  const ModelConfig config = other_geometry();
  const auto fits = [&](const std::string& name, const Shape& from, const Shape& to) {
    const std::vector<NamedTensor> model{{name, Tensor::zeros(to)}};
    const Tensor tensor = Tensor::full(from, 1.0f);
    TensorFile file{.path = "f", .metadata = {{"naming", "tessera"}}, .tensors = {}};
    file.tensors.push_back(view_of(name, tensor));
    return error_of<CheckpointError>([&] { load_weights(file, model, {.fit = &config}); }).empty();
  };
  const std::string table = "stages.0.blocks.0.attn.relative_position_bias_table";
  CHECK(fits(table, {9, 1}, {35, 1}));
  CHECK_FALSE(fits(table, {15, 1}, {35, 1}));  // no square
  CHECK_FALSE(fits(table, {9, 2}, {35, 1}));
  CHECK_FALSE(fits(table, {9, 1}, {36, 1}));
  CHECK_FALSE(fits("stages.9.blocks.0.attn.relative_position_bias_table", {9, 1}, {35, 1}));
  CHECK_FALSE(fits("absolute_pos_embed", {1, 15, 4}, {1, 64, 4}));
  CHECK_FALSE(fits("absolute_pos_embed", {1, 16, 5}, {1, 64, 4}));
  CHECK(fits("pos_embed", {1, 17, 4}, {1, 65, 4}));  // a class token before the map
  CHECK_FALSE(fits("patch_embed.proj.weight", {5, 1, 4, 4}, {4, 1, 2, 2}));
  CHECK_FALSE(fits("norm.weight", {5}, {4}));
}

}  // namespace
}  // namespace tessera
