// Published names of segmentation models: every tensor read, and written back bit for bit.
#include "formats/weights/names_dense.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/error.h"
#include "formats/safetensors.h"
#include "formats/weights/load_weights.h"
#include "layers/model.h"
#include "tests/support/paths.h"
#include "tests/support/tiny_model.h"

namespace tessera {
namespace {

constexpr const char* kFiles[] = {"hf_upernet_swin_eval", "mmseg_upernet_swin",
                                  "official_seg_upernet_swin"};

TensorFile fixture(const std::string& name) {
  return read_safetensors(test::fixture(name + ".safetensors"));
}

std::map<std::string, StoredTensor> by_name(const std::vector<StoredTensor>& tensors) {
  std::map<std::string, StoredTensor> map;
  for (const StoredTensor& tensor : tensors) map.emplace(tensor.name, tensor);
  return map;
}

std::vector<StoredTensor> translated(const std::string& name) {
  std::vector<StoredTensor> tensors;
  Translation translation = translate(fixture(name), "param/");
  CHECK(translation.other.empty());
  CHECK(translation.beside.empty());
  CHECK(translation.scheme.norm_each);
  for (const auto& entry : translation.parameters) tensors.push_back(entry.tensor);
  for (const auto& entry : translation.buffers) {
    if (is_batch_counter(entry.tensor.name)) tensors.push_back(entry.tensor);
  }
  return tensors;
}

bool same_bytes(const StoredTensor& a, const StoredTensor& b) {
  return a.type == b.type && a.shape == b.shape && std::ranges::equal(a.bytes, b.bytes);
}

TEST_CASE("segmentation models of three repositories hold the same under Tessera's names") {
  const auto first = by_name(translated(kFiles[0]));
  CHECK(first.count("head.pools.3.norm.running_var") == 1);
  CHECK(first.count("head.auxiliary.convs.0.norm.num_batches_tracked") == 1);
  CHECK(first.count("stages.2.blocks.1.attn.qkv.weight") == 1);
  CHECK(first.count("norm3.bias") == 1);
  for (const char* file : kFiles) {
    CAPTURE(file);
    const auto tensors = by_name(translated(file));
    CHECK(tensors.size() == first.size());
    for (const auto& [name, tensor] : tensors) {
      CAPTURE(name);
      REQUIRE(first.count(name) == 1);
      CHECK(same_bytes(tensor, first.at(name)));
    }
  }
}

TEST_CASE("segmentation models are written under each of the three namings as they were read") {
  const std::vector<StoredTensor> ours = translated(kFiles[0]);
  const Naming namings[] = {Naming::kHuggingFace, Naming::kOpenMmlab, Naming::kOfficial};
  for (std::size_t i = 0; i < 3; ++i) {
    CAPTURE(kFiles[i]);
    const auto written = by_name(rename_tensors(std::span(ours), namings[i]));
    std::size_t expected = 0;
    for (const StoredTensor& stored : fixture(kFiles[i]).tensors) {
      if (!stored.name.starts_with("param/") || stored.name.ends_with("position_index")) continue;
      const std::string name = stored.name.substr(6);
      CAPTURE(name);
      ++expected;
      REQUIRE(written.count(name) == 1);
      CHECK(same_bytes(written.at(name), stored));
    }
    CHECK(written.size() == expected);
  }
}

TEST_CASE("norms of a head without running statistics are group norms elsewhere") {
  ModelConfig config = test::tiny_config();
  config.head = {.type = HeadType::kUperNet, .channels = 8};
  config.head.auxiliary.stage = 0;
  Model model(config);
  test::randomize(model);
  const std::vector<NamedTensor> values = named_values(model.parameters);
  const std::vector<NamedTensor> theirs = rename_tensors(values, Naming::kOpenMmlab);
  const auto has = [&](const std::string& name) {
    return std::ranges::any_of(theirs, [&](const NamedTensor& t) { return t.name == name; });
  };
  CHECK(has("decode_head.psp_modules.0.1.gn.weight"));
  CHECK(has("auxiliary_head.conv_seg.bias"));
  CHECK(has("backbone.stages.1.blocks.0.attn.w_msa.qkv.weight"));
  TensorFile file{.path = "f", .metadata = {}, .tensors = {}};
  for (const NamedTensor& named : theirs) file.tensors.push_back(view_of(named.name, named.tensor));
  Model again(config);
  const LoadReport report = load_weights(file, named_values(again.parameters));
  CHECK(report.naming == Naming::kOpenMmlab);
  CHECK(report.count(LoadReport::Status::kLoaded) == values.size());
  CHECK(std::ranges::equal(again.parameters.values().span(), model.parameters.values().span()));
  CHECK_THROWS_WITH_AS(rename_tensors(values, Naming::kHuggingFace),
                       doctest::Contains("no name among those of huggingface"), CheckpointError);
}

TEST_CASE("parameters that no model of transformers reads are left beside") {
  TensorFile file = fixture(kFiles[0]);
  const Tensor ones = Tensor::full({64}, 1.0f);
  for (const char* name : {"backbone.swin.layernorm.weight", "backbone.swin.layernorm.bias"}) {
    file.tensors.push_back(view_of(std::string("param/") + name, ones));
  }
  const Translation translation = translate(file, "param/");
  CHECK(translation.other.empty());
  CHECK(translation.beside == std::vector<std::string>{"param/backbone.swin.layernorm.weight",
                                                       "param/backbone.swin.layernorm.bias"});
  TensorFile vit = fixture("hf_vit_32");
  vit.tensors.push_back(view_of("param/vit.pooler.dense.weight", ones));
  CHECK(translate(vit, "param/").other.empty());
  CHECK(translate(vit, "param/").beside.size() == 1);
}

TEST_CASE("counters of batches come along, as zeros where there were none") {
  std::vector<StoredTensor> tensors = translated(kFiles[0]);
  CHECK(missing_counters(tensors).empty());
  std::erase_if(tensors, [](const StoredTensor& t) { return is_batch_counter(t.name); });
  const std::vector<StoredTensor> counters = missing_counters(tensors);
  CHECK(counters.size() == 13);
  CHECK(is_batch_counter(counters.front().name));
  CHECK(counters.front().bytes.size() == 8);
  CHECK(counters.front().shape.empty());
}

TEST_CASE("a head of maps starts on the backbone of a classifier, whose head is left out") {
  Model classifier(test::tiny_config());
  test::randomize(classifier);
  TensorFile file{.path = "f", .metadata = {}, .tensors = {}};
  const std::vector<NamedTensor> theirs =
      rename_tensors(named_values(classifier.parameters), Naming::kTimm);
  for (const NamedTensor& named : theirs) file.tensors.push_back(view_of(named.name, named.tensor));
  ModelConfig config = test::tiny_config();
  config.head.type = HeadType::kFcn;
  Model model(config);
  CHECK_THROWS_AS(load_weights(file, named_values(model.parameters)), CheckpointError);
  const LoadReport report = load_weights(file, named_values(model.parameters),
                                         {.anew = LoadOptions::Anew::kHeadAndNorms});
  const Tensor& kept =
      classifier.parameters.find("stages.1.blocks.1.mlp.fc2.weight")->parameter->value;
  const Tensor& taken = model.parameters.find("stages.1.blocks.1.mlp.fc2.weight")->parameter->value;
  CHECK(std::ranges::equal(kept.span(), taken.span()));
  const std::vector<std::string> lines = report.summary();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].find("the head and the norms behind stages start anew") == 0);
  CHECK(lines[0].find("left out (4)") != std::string::npos);
}

}  // namespace
}  // namespace tessera
