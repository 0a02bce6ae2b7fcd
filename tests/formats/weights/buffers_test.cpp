// Buffers made here against those that the reference files carry.
#include "formats/weights/buffers.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "formats/safetensors.h"
#include "formats/weights/translate.h"
#include "tests/support/paths.h"
#include "train/config/config.h"

namespace tessera {
namespace {

ModelConfig model_of(const TensorFile& file) {
  nlohmann::json model = nlohmann::json::parse(file.metadata.at("model"));
  if (model.value("absolute_position", false)) model["position"] = {"relative", "absolute"};
  model.erase("absolute_position");
  const bool torchvision = file.metadata.at("family") == "torchvision";
  model["window_policy"] = torchvision ? "pad" : "clamp";
  return parse_config(nlohmann::json{{"model", model}}.dump()).model;
}

TEST_CASE("make_buffers: all that torchvision's and the official files have, and no more") {
  for (const char* name :
       {"swin_32", "swin_pad_30x26", "swin_p4_w7_56", "swin_v2_32", "swin_v2_pad_30x26",
        "official_swin_32", "official_swin_32_ape", "official_swin_v2_32"}) {
    CAPTURE(name);
    const auto file = read_safetensors(test::fixture(name + std::string(".safetensors")));
    const Naming naming = naming_of(file.metadata.at("family")).value();
    const auto buffers = make_buffers(geometry_of(model_of(file)), naming);
    CHECK(buffers.size() == translate(file, "param/").buffers.size());
    for (const StoredTensor& buffer : buffers) {
      CAPTURE(buffer.name);
      const StoredTensor& expected = file.at("param/" + buffer.name);
      CHECK(buffer.type == expected.type);
      CHECK(buffer.shape == expected.shape);
      REQUIRE(buffer.bytes.size() == expected.bytes.size());
      if (buffer.type == StoredType::kI64) {
        CHECK(std::equal(buffer.bytes.begin(), buffer.bytes.end(), expected.bytes.begin()));
        continue;
      }
      const Tensor ours = to_f32(buffer, ""), theirs = to_f32(expected, "");
      for (std::size_t i = 0; i < ours.span().size(); ++i) {
        CHECK(std::abs(ours.span()[i] - theirs.span()[i]) < 1e-6f);
      }
    }
  }
}

TEST_CASE("make_buffers: windows show in the tables of v1; others carry nothing") {
  const auto file = read_safetensors(test::fixture("swin_32.safetensors"));
  std::vector<StoredTensor> tensors;
  for (const auto& entry : translate(file, "param/").parameters) tensors.push_back(entry.tensor);
  const auto modules = geometry_of(std::span<const StoredTensor>(tensors));
  CHECK(modules.size() == 4);
  for (const StoredTensor& buffer : make_buffers(modules, Naming::kTorchvision)) {
    const StoredTensor& expected = file.at("param/" + buffer.name);
    CHECK(std::equal(buffer.bytes.begin(), buffer.bytes.end(), expected.bytes.begin()));
  }
  CHECK(make_buffers(modules, Naming::kTimm).empty());
  CHECK(make_buffers(modules, Naming::kTessera).empty());
}

}  // namespace
}  // namespace tessera
