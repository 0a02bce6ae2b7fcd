// tessera forward: the maps of the stages.
#include <cmath>

#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "tests/program/program.h"
#include "tests/support/paths.h"
#include "train/config/config.h"

namespace tessera::test {
namespace {

struct Case {
  const char* fixture;
  const char* model;
  std::vector<Shape> features;
  bool class_token = false;
};

const std::vector<Case> kCases = {
    {"swin_pad_30x26",  // 15 x 13 patches
     "{name: swin, image_size: [30, 26], patch_size: 2, embed_dim: 16, depths: [2, 2], "
     "num_heads: [2, 4], window_size: 4, num_classes: 5, padding: torchvision, window_policy: pad}",
     {{3, 15, 13, 16}, {3, 8, 7, 32}}},
    {"swin_v2_32",
     "{name: swin_v2, image_size: 32, patch_size: 2, embed_dim: 16, depths: [2, 2], "
     "num_heads: [2, 4], window_size: 4, num_classes: 10, padding: torchvision, window_policy: "
     "pad}",
     {{3, 16, 16, 16}, {3, 8, 8, 32}}},
    {"vit_32",
     "{name: vit, image_size: 32, patch_size: 4, patch_embed: {norm: false}, embed_dim: 24, "
     "depths: [2], num_heads: [3], mlp_ratio: 2, num_classes: 10, position: absolute, pool: token}",
     {{3, 1, 65, 24}},
     true},
};

std::string fixture_path(const Case& c) {
  return test::fixture(c.fixture + std::string(".safetensors"));
}

/// What the program writes for the weights and the input of a fixture.
TensorFile forward(const Case& c, const ScratchFolder& folder, std::vector<std::string> more) {
  write_text(folder / "m.yaml", std::string("model: ") + c.model + "\ndata: {name: none}\n");
  std::vector<std::string> arguments{"forward",       "--model",       folder / "m.yaml",
                                     "--weights",     fixture_path(c), "--input",
                                     fixture_path(c), "--output",      folder / "y"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = tessera(arguments);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  return read_safetensors(folder / "y");
}

std::size_t count_features(const TensorFile& file) {
  std::size_t count = 0;
  for (const StoredTensor& tensor : file.tensors) count += tensor.name.starts_with("features/");
  return count;
}

/// norm, mean over the tokens or the class token, head: [B, K] of the last map [B, h, w, C].
Tensor classify(const Tensor& map, Model& model, bool class_token) {
  const auto value = [&](const char* name) {
    return model.parameters.find(name)->parameter->value;
  };
  const std::int64_t batch = map.dim(0), tokens = map.dim(1) * map.dim(2), channels = map.dim(3);
  const std::int64_t classes = value("head.bias").dim(0), used = class_token ? 1 : tokens;
  Tensor logits = Tensor::empty({batch, classes});
  for (std::int64_t b = 0; b < batch; ++b) {
    std::vector<double> pooled(static_cast<std::size_t>(channels));
    for (std::int64_t t = 0; t < used; ++t) {
      const float* x = map.f32() + (b * tokens + t) * channels;
      double mean = 0.0, squares = 0.0;
      for (std::int64_t c = 0; c < channels; ++c) {
        mean += double{x[c]} / static_cast<double>(channels);
        squares += double{x[c]} * double{x[c]} / static_cast<double>(channels);
      }
      const double scale = 1.0 / std::sqrt(squares - mean * mean + 1e-5);
      for (std::int64_t c = 0; c < channels; ++c) {
        pooled[static_cast<std::size_t>(c)] +=
            ((double{x[c]} - mean) * scale * double{value("norm.weight").f32()[c]} +
             double{value("norm.bias").f32()[c]}) /
            static_cast<double>(used);
      }
    }
    for (std::int64_t k = 0; k < classes; ++k) {
      double sum = double{value("head.bias").f32()[k]};
      for (std::int64_t c = 0; c < channels; ++c) {
        sum += double{value("head.weight").f32()[k * channels + c]} *
               pooled[static_cast<std::size_t>(c)];
      }
      logits.f32()[b * classes + k] = static_cast<float>(sum);
    }
  }
  return logits;
}

double largest_difference(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  double worst = 0.0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    worst = std::max(worst, std::abs(double{a.f32()[i]} - double{b.f32()[i]}));
  }
  return worst;
}

TEST_CASE("forward --features: a map for each stage, the last of which leads to the logits") {
  for (const Case& c : kCases) {
    CAPTURE(c.fixture);
    const ScratchFolder folder;
    const TensorFile fixture = read_safetensors(fixture_path(c));
    const TensorFile result = forward(c, folder, {"--features"});
    CHECK(count_features(result) == c.features.size());
    for (std::size_t i = 0; i < c.features.size(); ++i) {
      CHECK(result.f32(fmt::format("features/{}", i)).shape() == c.features[i]);
    }
    const Tensor last = result.f32(fmt::format("features/{}", c.features.size() - 1));
    Model model(load_config(folder / "m.yaml").model);
    load_weights(fixture, named_values(model.parameters), {.prefix = "param/"});
    CHECK(largest_difference(classify(last, model, c.class_token), fixture.f32("logits")) < 1e-4);
  }
}

TEST_CASE("forward --features: the same maps with gradients, none if not asked for") {
  for (const Case& c : kCases) {
    CAPTURE(c.fixture);
    const ScratchFolder folder;
    const TensorFile plain = forward(c, folder, {"--features"});
    const TensorFile recorded = forward(c, folder, {"--features", "--grad"});
    for (std::size_t i = 0; i < c.features.size(); ++i) {
      const std::string name = fmt::format("features/{}", i);
      CHECK(largest_difference(plain.f32(name), recorded.f32(name)) < 1e-5);
    }
    CHECK(count_features(forward(c, folder, {})) == 0);
  }
}

}  // namespace
}  // namespace tessera::test
