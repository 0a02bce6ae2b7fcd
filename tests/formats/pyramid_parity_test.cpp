// The pyramid of maps that a dense head reads, against the backbone of UPerNet.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "formats/safetensors.h"
#include "layers/heads/head.h"
#include "layers/model.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

/// All maps as they are.
class Pyramid final : public Head {
 public:
  StageOutputs reads() const override { return {.stages = {0, 1, 2, 3}, .norm_each = true}; }
  HeadPlan plan(std::span<const MapShape>, Size2) const override { return {}; }
  std::vector<Var> forward(Tape&, std::span<const StageMap> maps, Size2) override {
    std::vector<Var> normed;
    for (const StageMap& map : maps) normed.push_back(map.normed);
    return normed;
  }
  void visit(ParameterVisitor&) override {}
};

ModelConfig config_of(Size2 image) {
  ModelConfig config;
  config.image_size = image;
  config.embed_dim = 8;
  config.depths = {2, 1, 2, 1};
  config.num_heads = {1, 2, 4, 8};
  config.window_size = {4, 4};
  config.mlp_ratio = 2.0;
  config.padding = WindowPadding::kTorchvision;
  config.window_policy = WindowPolicy::kKeep;
  config.patch_embed.edge = PatchEdge::kPad;
  return config;
}

/// The largest difference of a map [B, h, w, C] from [B, C, h, w], by the largest of the latter.
double difference(const Tensor& map, const Tensor& expected) {
  const std::int64_t channels = map.dim(3), pixels = map.dim(1) * map.dim(2);
  double worst = 0.0, largest = 1e-12;
  for (std::int64_t i = 0; i < map.numel(); ++i) {
    const std::int64_t b = i / channels / pixels, p = i / channels % pixels, c = i % channels;
    const double e = expected.f32()[(b * channels + c) * pixels + p];
    worst = std::max(worst, std::abs(double{map.f32()[i]} - e));
    largest = std::max(largest, std::abs(e));
  }
  return worst / largest;
}

// 50 x 62 pixels at patch 4: neither patch nor window divides anything, and at the last stages the
// windows are the whole map. The weights are those of the official repository, the maps those that
// Hugging Face computes with them.
TEST_CASE("the maps of a dense backbone are those of UPerNet, at whatever size it is built for") {
  const TensorFile weights =
      read_safetensors(test::fixture("official_seg_upernet_swin.safetensors"));
  const TensorFile maps = read_safetensors(test::fixture("hf_upernet_swin_eval.safetensors"));
  const Tensor planes = maps.f32("input");  // [2, 3, 50, 62]
  Tensor images = Tensor::empty({2, 50, 62, 3});
  for (std::int64_t i = 0; i < images.numel(); ++i) {
    const std::int64_t b = i / (3 * 50 * 62), p = i / 3 % (50 * 62);
    images.f32()[i] = planes.f32()[(b * 3 + i % 3) * 50 * 62 + p];
  }
  for (const Size2 built_for : {Size2{50, 62}, Size2{64, 32}}) {
    Model model(config_of(built_for), std::make_unique<Pyramid>());
    for (const ParameterStore::Entry& entry : model.parameters.entries()) {
      std::string name = "param/backbone." + entry.name;
      if (const auto at = name.find("stages."); at != std::string::npos) {
        name.replace(at, 7, "layers.");
      }
      entry.parameter->value.copy_from(weights.f32(name));
    }
    Tape tape({.training = false});
    const auto pyramid = model.forward(tape, tape.constant(images));
    REQUIRE(pyramid.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
      CAPTURE(i);
      const Tensor expected = maps.f32("feature/" + std::to_string(i));
      REQUIRE(pyramid[i].shape().numel() == expected.numel());
      CHECK(difference(pyramid[i].value, expected) < 1e-5);
    }
  }
}

}  // namespace
}  // namespace tessera
