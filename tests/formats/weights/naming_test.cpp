#include "formats/weights/naming.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

constexpr Naming kAll[] = {Naming::kTessera, Naming::kTorchvision, Naming::kTimm,
                           Naming::kOfficial};

std::vector<std::string> model_names(const std::vector<int>& depths) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& layer, bool bias = true) {
    names.push_back(layer + ".weight");
    if (bias) names.push_back(layer + ".bias");
  };
  add("patch_embed.proj");
  add("patch_embed.norm");
  for (std::size_t s = 0; s < depths.size(); ++s) {
    for (int b = 0; b < depths[s]; ++b) {
      const std::string block = fmt::format("stages.{}.blocks.{}", s, b);
      for (const char* layer :
           {".norm1", ".attn.qkv", ".attn.proj", ".norm2", ".mlp.fc1", ".mlp.fc2"}) {
        add(block + layer);
      }
      names.push_back(block + ".attn.relative_position_bias_table");
      names.push_back(block + ".attn.logit_scale");
      add(block + ".attn.cpb_mlp.0");
      add(block + ".attn.cpb_mlp.2", false);
    }
    if (s + 1 < depths.size()) {
      add(fmt::format("stages.{}.downsample.norm", s));
      add(fmt::format("stages.{}.downsample.reduction", s), false);
    }
  }
  add("norm");
  add("head");
  return names;
}

TEST_CASE("naming: every name of a model goes to another framework and back") {
  for (const auto& depths : {std::vector{2, 2}, std::vector{2, 2, 18, 2}, std::vector{12}}) {
    const auto names = model_names(depths);
    for (const Naming naming : kAll) {
      CAPTURE(name_of(naming));
      std::vector<std::string> theirs;
      for (const std::string& name : names) {
        const auto there = from_tessera(name, naming);
        REQUIRE_MESSAGE(there, name);
        CHECK(to_tessera(*there, naming) == name);
        theirs.push_back(*there);
      }
      CHECK(std::set(theirs.begin(), theirs.end()).size() == names.size());
      CHECK(recognise_naming(theirs) == naming);
    }
  }
}

TEST_CASE("naming: a plain ViT's names are timm's, and torchvision has its own") {
  struct Case {
    const char* name;
    const char* torchvision;
  };
  constexpr Case kCases[] = {
      {"patch_embed.proj.weight", "conv_proj.weight"},
      {"cls_token", "class_token"},
      {"pos_embed", "encoder.pos_embedding"},
      {"blocks.11.norm1.bias", "encoder.layers.encoder_layer_11.ln_1.bias"},
      {"blocks.0.norm2.weight", "encoder.layers.encoder_layer_0.ln_2.weight"},
      {"blocks.0.attn.qkv.weight", "encoder.layers.encoder_layer_0.self_attention.in_proj_weight"},
      {"blocks.0.attn.qkv.bias", "encoder.layers.encoder_layer_0.self_attention.in_proj_bias"},
      {"blocks.0.attn.proj.bias", "encoder.layers.encoder_layer_0.self_attention.out_proj.bias"},
      {"blocks.3.mlp.fc1.weight", "encoder.layers.encoder_layer_3.mlp.0.weight"},
      {"blocks.3.mlp.fc2.bias", "encoder.layers.encoder_layer_3.mlp.3.bias"},
      {"norm.weight", "encoder.ln.weight"},
      {"head.bias", "heads.head.bias"},
  };
  std::vector<std::string> ours, theirs;
  for (const Case& names : kCases) {
    CAPTURE(names.name);
    CHECK(from_tessera(names.name, Naming::kTorchvision, Architecture::kViT) == names.torchvision);
    CHECK(to_tessera(names.torchvision, Naming::kTorchvision, Architecture::kViT) == names.name);
    CHECK(from_tessera(names.name, Naming::kTimm, Architecture::kViT) == names.name);
    CHECK(!from_tessera(names.name, Naming::kOfficial, Architecture::kViT));
    ours.emplace_back(names.name);
    theirs.emplace_back(names.torchvision);
  }
  CHECK(to_tessera("encoder.layers.encoder_layer_3.mlp.linear_2.bias", Naming::kTorchvision,
                   Architecture::kViT) == "blocks.3.mlp.fc2.bias");
  CHECK(!to_tessera("encoder.layers.layer_3.ln_1.bias", Naming::kTorchvision, Architecture::kViT));
  CHECK(!from_tessera("patch_embed.norm.bias", Naming::kTorchvision, Architecture::kViT));
  CHECK(recognise_naming(ours) == Naming::kTessera);
  CHECK(recognise_naming(theirs) == Naming::kTorchvision);
  CHECK(architecture_of(ours) == Architecture::kViT);
  CHECK(architecture_of(theirs) == Architecture::kViT);
  CHECK(architecture_of(std::vector<std::string>{"stages.0.blocks.0.norm1.bias"}) ==
        Architecture::kSwin);
}

TEST_CASE("naming: the names that differ") {
  struct Case {
    const char* name;
    const char* torchvision;
    const char* timm;
    const char* official;
  };
  constexpr Case kCases[] = {
      {"patch_embed.proj.weight", "features.0.0.weight", "patch_embed.proj.weight",
       "patch_embed.proj.weight"},
      {"patch_embed.norm.bias", "features.0.2.bias", "patch_embed.norm.bias",
       "patch_embed.norm.bias"},
      {"stages.2.blocks.17.attn.qkv.bias", "features.5.17.attn.qkv.bias",
       "layers.2.blocks.17.attn.qkv.bias", "layers.2.blocks.17.attn.qkv.bias"},
      {"stages.0.blocks.1.mlp.fc1.weight", "features.1.1.mlp.0.weight",
       "layers.0.blocks.1.mlp.fc1.weight", "layers.0.blocks.1.mlp.fc1.weight"},
      {"stages.3.blocks.0.mlp.fc2.weight", "features.7.0.mlp.3.weight",
       "layers.3.blocks.0.mlp.fc2.weight", "layers.3.blocks.0.mlp.fc2.weight"},
      {"stages.0.downsample.reduction.weight", "features.2.reduction.weight",
       "layers.1.downsample.reduction.weight", "layers.0.downsample.reduction.weight"},
      {"stages.2.downsample.norm.weight", "features.6.norm.weight",
       "layers.3.downsample.norm.weight", "layers.2.downsample.norm.weight"},
      {"norm.weight", "norm.weight", "norm.weight", "norm.weight"},
      {"head.weight", "head.weight", "head.fc.weight", "head.weight"},
  };
  for (const Case& names : kCases) {
    CAPTURE(names.name);
    CHECK(from_tessera(names.name, Naming::kTorchvision) == names.torchvision);
    CHECK(from_tessera(names.name, Naming::kTimm) == names.timm);
    CHECK(from_tessera(names.name, Naming::kOfficial) == names.official);
  }
}

TEST_CASE("naming: names that a framework does not have") {
  CHECK(!to_tessera("features.0.1.weight", Naming::kTorchvision));
  CHECK(!to_tessera("features.01.0.norm1.weight", Naming::kTorchvision));
  CHECK(!to_tessera("features.-1.0.norm1.weight", Naming::kTorchvision));
  CHECK(!to_tessera("features.99999999999.0.norm1.weight", Naming::kTorchvision));
  CHECK(!to_tessera("features", Naming::kTorchvision));
  CHECK(!to_tessera("layers.0.downsample.norm.weight", Naming::kTimm));
  CHECK(!to_tessera("head.weight", Naming::kTimm));
  CHECK(!to_tessera("layers.0.blocks", Naming::kOfficial));
  CHECK(!to_tessera("", Naming::kOfficial));
  CHECK(!from_tessera("patch_embed.stem.0.weight", Naming::kTorchvision));
  CHECK(!from_tessera("normal.weight", Naming::kTimm));
}

TEST_CASE("naming: recognised from the merges rather than the head") {
  const auto recognise = [](const std::vector<std::string>& names) {
    return recognise_naming(names);
  };
  CHECK(recognise({"layers.0.blocks.0.norm1.weight", "layers.1.downsample.norm.weight",
                   "head.weight"}) == Naming::kTimm);
  CHECK(recognise({"layers.1.downsample.norm.weight", "layers.0.downsample.norm.weight"}) ==
        Naming::kOfficial);
  CHECK(recognise({"conv1.weight", "fc.bias"}) == std::nullopt);
  CHECK(recognise({}) == std::nullopt);
}

TEST_CASE("naming: words and buffers") {
  for (const Naming naming : kAll) CHECK(naming_of(name_of(naming)) == naming);
  CHECK(naming_of("keras") == std::nullopt);
  CHECK(is_buffer("layers.0.blocks.1.attn_mask"));
  CHECK(is_buffer("features.1.0.attn.relative_position_index"));
  CHECK(is_buffer("features.1.0.attn.relative_coords_table"));
  CHECK(!is_buffer("features.1.0.attn.relative_position_bias_table"));
}

TEST_CASE("naming: every parameter of the v1 fixtures has a name here") {
  struct Case {
    const char* file;
    Naming naming;
  };
  constexpr Case kCases[] = {{"swin_32", Naming::kTorchvision},
                             {"swin_p4_w7_56", Naming::kTorchvision},
                             {"timm_swin_32", Naming::kTimm},
                             {"official_swin_32", Naming::kOfficial},
                             {"official_swin_32_ape", Naming::kOfficial}};
  constexpr std::string_view kPrefix = "param/";
  for (const Case& fixture : kCases) {
    CAPTURE(fixture.file);
    const auto file = read_safetensors(test::fixture(fixture.file + std::string(".safetensors")));
    std::vector<std::string> names;
    for (const StoredTensor& stored : file.tensors) {
      if (stored.name.starts_with(kPrefix) && !is_buffer(stored.name)) {
        names.push_back(stored.name.substr(kPrefix.size()));
      }
    }
    REQUIRE(names.size() > 50);
    CHECK(recognise_naming(names) == fixture.naming);
    for (const std::string& name : names) {
      const auto ours = to_tessera(name, fixture.naming);
      REQUIRE_MESSAGE(ours, name);
      CHECK(from_tessera(*ours, fixture.naming) == name);
    }
  }
}

}  // namespace
}  // namespace tessera
