#include <doctest/doctest.h>

#include <cstring>

#include "formats/onnx/model_graph.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::read_text;
using test::ScratchFolder;

TEST_CASE("onnx: weights beyond what a file can hold lie in one beside it") {
  const ScratchFolder folder;
  ModelConfig config = test::tiny_config();
  config.embed_dim = 32;
  Model model(config);
  test::randomize(model);
  const auto whole = onnx::export_model(folder / "a.onnx", config, model.parameters, {});
  CHECK(whole.weights.empty());
  CHECK(fs::file_size(folder / "a.onnx") == static_cast<std::uintmax_t>(whole.bytes));
  CHECK_FALSE(fs::exists(folder / "a.onnx.data"));

  test::write_text(folder / "b.onnx", "an older one");
  const auto split =
      onnx::export_model(folder / "b.onnx", config, model.parameters, {}, {.most_inside = 0});
  CHECK(split.weights == folder / "b.onnx.data");
  const std::string data = read_text(split.weights), graph = read_text(folder / "b.onnx");
  CHECK(static_cast<std::int64_t>(data.size() + graph.size()) == split.bytes);
  CHECK(graph.size() < fs::file_size(folder / "a.onnx") / 2);
  CHECK(graph.find("b.onnx.data") != std::string::npos);
  CHECK(data.size() % onnx::ModelFiles::kAlignment == 0);
  const auto bytes_of = [&](const char* name) {
    const ParameterStore::Entry* entry = model.parameters.find(name);
    REQUIRE(entry != nullptr);
    const Tensor& values = entry->parameter->value;
    return std::string(reinterpret_cast<const char*>(values.f32()), values.bytes());
  };
  // Large ones lie there, as they are and at a place that the graph names; small ones stay inside.
  CHECK(data.find(bytes_of("patch_embed.proj.weight")) != std::string::npos);
  CHECK(graph.find(bytes_of("patch_embed.proj.weight")) == std::string::npos);
  CHECK(graph.find(bytes_of("stages.0.blocks.0.norm1.weight")) != std::string::npos);
  const std::int64_t hidden = 4 * config.embed_dim;
  const ParameterStore::Entry* table =
      model.parameters.find("stages.0.blocks.0.mlp.fc1.weight");  // [hidden, C], written transposed
  REQUIRE(table != nullptr);
  std::vector<float> first_row;
  for (std::int64_t out = 0; out < hidden; ++out) {
    first_row.push_back(table->parameter->value.f32()[out * config.embed_dim]);
  }
  const std::string row(reinterpret_cast<const char*>(first_row.data()),
                        first_row.size() * sizeof(float));
  const std::size_t at = data.find(row);
  REQUIRE(at != std::string::npos);
  CHECK(at % onnx::ModelFiles::kAlignment == 0);
  CHECK(graph.find(std::to_string(at)) != std::string::npos);
  CHECK(graph.find(std::to_string(4 * hidden * config.embed_dim)) != std::string::npos);
}

}  // namespace
}  // namespace tessera
