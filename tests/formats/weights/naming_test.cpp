#include "formats/weights/naming.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "formats/weights/name_pattern.h"
#include "formats/weights/recognise.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

constexpr Naming kAll[] = {Naming::kTessera,  Naming::kTorchvision, Naming::kTimm,
                           Naming::kOfficial, Naming::kOpenMmlab,   Naming::kHuggingFace};

NameScheme vit_in(Naming naming) { return {naming, Architecture::kViT}; }

/// The only name of a tensor that is not split; empty if there is none.
std::string name_in(std::string_view ours, const NameScheme& scheme) {
  const auto names = from_tessera(ours, scheme);
  REQUIRE(names.size() <= 1);
  return names.empty() ? "" : names[0].name;
}

/// What Tessera calls a name; empty if `scheme` knows none.
std::string ours_of(std::string_view theirs, const NameScheme& scheme) {
  const auto name = to_tessera(theirs, scheme);
  return name ? name->name : "";
}

std::vector<std::string> model_names(const std::vector<int>& depths, bool v2) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& layer, bool bias = true) {
    names.push_back(layer + ".weight");
    if (bias) names.push_back(layer + ".bias");
  };
  add("patch_embed.proj");
  add("patch_embed.norm");
  names.emplace_back("absolute_pos_embed");
  for (std::size_t s = 0; s < depths.size(); ++s) {
    for (int b = 0; b < depths[s]; ++b) {
      const std::string block = fmt::format("stages.{}.blocks.{}", s, b);
      for (const char* layer :
           {".norm1", ".attn.qkv", ".attn.proj", ".norm2", ".mlp.fc1", ".mlp.fc2"}) {
        add(block + layer);
      }
      if (v2) {
        names.push_back(block + ".attn.logit_scale");
        add(block + ".attn.cpb_mlp.0");
        add(block + ".attn.cpb_mlp.2", false);
      } else {
        names.push_back(block + ".attn.relative_position_bias_table");
      }
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

std::vector<std::string> vit_names(int depth) {
  std::vector<std::string> names{"cls_token", "pos_embed"};
  const auto add = [&](const std::string& layer) {
    names.push_back(layer + ".weight");
    names.push_back(layer + ".bias");
  };
  add("patch_embed.proj");
  for (int b = 0; b < depth; ++b) {
    for (const char* layer : {"norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"}) {
      add(fmt::format("blocks.{}.{}", b, layer));
    }
  }
  add("norm");
  add("head");
  return names;
}

/// Every name goes to `naming` and back, in as many parts as there are, and is recognised there
/// behind any prefix.
void check_there_and_back(const std::vector<std::string>& names, Naming naming) {
  CAPTURE(name_of(naming));
  const NameScheme scheme = scheme_for(names, naming);
  const std::string_view body = backbone_prefix(scheme);
  std::vector<std::string> theirs;
  for (const std::string& name : names) {
    const auto there = from_tessera(name, scheme);
    REQUIRE_MESSAGE(!there.empty(), name);
    for (const PartName& part : there) {
      std::string_view bare = part.name;
      if (!is_head(name)) {
        CHECK(bare.starts_with(body));
        bare.remove_prefix(body.size());
      }
      CHECK(to_tessera(bare, scheme) == PartName{name, part.part, part.keyless});
      theirs.push_back(part.name);
    }
  }
  CHECK(std::set(theirs.begin(), theirs.end()).size() == theirs.size());
  for (const std::string prefix : {"", "module.", "state_dict.net.encoder.", "a/"}) {
    CAPTURE(prefix);
    std::vector<std::string> wrapped{"optimizer.state.0.exp_avg", "epoch", "loss.head.weight"};
    for (const std::string& name : theirs) wrapped.push_back(prefix + name);
    const auto found = recognise_names(wrapped);
    REQUIRE(found);
    const bool same = scheme.architecture == Architecture::kViT && naming == Naming::kTimm;
    CHECK(found->scheme.naming == (same ? Naming::kTessera : naming));
    CHECK(found->scheme.architecture == scheme.architecture);
    CHECK(found->scheme.stages == scheme.stages);
    CHECK_FALSE(found->scheme.norm_each);
    CHECK(found->prefix == prefix + std::string(body));
    CHECK(found->head_prefix == prefix);
  }
}

TEST_CASE("naming: every name of a model goes to another framework and back") {
  for (const auto& depths : {std::vector{2, 2}, std::vector{2, 2, 18, 2}, std::vector{12}}) {
    for (const bool v2 : {false, true}) {
      for (const Naming naming : kAll) check_there_and_back(model_names(depths, v2), naming);
    }
  }
  for (const Naming naming : kAll) {
    if (naming != Naming::kOfficial) check_there_and_back(vit_names(12), naming);
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
  for (const Case& names : kCases) {
    CAPTURE(names.name);
    CHECK(name_in(names.name, vit_in(Naming::kTorchvision)) == names.torchvision);
    CHECK(ours_of(names.torchvision, vit_in(Naming::kTorchvision)) == names.name);
    CHECK(name_in(names.name, vit_in(Naming::kTimm)) == names.name);
    CHECK(name_in(names.name, vit_in(Naming::kOfficial)).empty());
  }
  CHECK(ours_of("encoder.layers.encoder_layer_3.mlp.linear_2.bias", vit_in(Naming::kTorchvision)) ==
        "blocks.3.mlp.fc2.bias");
  CHECK(ours_of("encoder.layers.layer_3.ln_1.bias", vit_in(Naming::kTorchvision)).empty());
  CHECK(name_in("patch_embed.norm.bias", vit_in(Naming::kTorchvision)).empty());
}

TEST_CASE("naming: query, key and value apart") {
  const auto parts = [](std::string_view name, const NameScheme& scheme) {
    std::string text;
    for (const PartName& part : from_tessera(name, scheme)) {
      text += fmt::format("{} {}{}; ", part.name, int(part.part), part.keyless ? "k" : "");
    }
    return text;
  };
  const NameScheme v1{Naming::kHuggingFace, Architecture::kSwin};
  const NameScheme v2{Naming::kHuggingFace, Architecture::kSwinV2};
  CHECK(parts("stages.1.blocks.2.attn.qkv.bias", v1) ==
        "swin.encoder.layers.1.blocks.2.attention.self.query.bias 1; "
        "swin.encoder.layers.1.blocks.2.attention.self.key.bias 2; "
        "swin.encoder.layers.1.blocks.2.attention.self.value.bias 3; ");
  CHECK(parts("stages.1.blocks.2.attn.qkv.bias", v2) ==
        "swinv2.encoder.layers.1.blocks.2.attention.self.query.bias 1k; "
        "swinv2.encoder.layers.1.blocks.2.attention.self.value.bias 3k; ");
  CHECK(parts("stages.0.blocks.0.attn.qkv.bias", {Naming::kOpenMmlab, Architecture::kSwinV2}) ==
        "backbone.stages.0.blocks.0.attn.w_msa.q_bias 1k; "
        "backbone.stages.0.blocks.0.attn.w_msa.v_bias 3k; ");
  CHECK(parts("stages.0.blocks.0.attn.qkv.bias", {Naming::kTimm, Architecture::kSwin}) ==
        "layers.0.blocks.0.attn.qkv.bias 0; ");
  CHECK(parts("blocks.7.attn.qkv.weight", vit_in(Naming::kHuggingFace)) ==
        "vit.encoder.layer.7.attention.attention.query.weight 1; "
        "vit.encoder.layer.7.attention.attention.key.weight 2; "
        "vit.encoder.layer.7.attention.attention.value.weight 3; ");
  // As transformers 5 has it in memory.
  CHECK(to_tessera("encoder.layers.0.blocks.1.attention.k_proj.weight", v1) ==
        PartName{"stages.0.blocks.1.attn.qkv.weight", Part::kKey});
  CHECK(to_tessera("layers.4.attention.v_proj.bias", vit_in(Naming::kHuggingFace)) ==
        PartName{"blocks.4.attn.qkv.bias", Part::kValue});
}

TEST_CASE("naming: where a merge and the last norm stand") {
  const auto named = [](std::string_view name, Naming naming, Architecture architecture) {
    return name_in(name, {naming, architecture, 4});
  };
  const std::string merge = "stages.1.downsample.reduction.weight";
  CHECK(named(merge, Naming::kOpenMmlab, Architecture::kSwin) ==
        "backbone.stages.1.downsample.reduction.weight");
  CHECK(named(merge, Naming::kOpenMmlab, Architecture::kSwinV2) ==
        "backbone.stages.2.downsample.reduction.weight");
  CHECK(named("norm.bias", Naming::kOpenMmlab, Architecture::kSwin) == "backbone.norm3.bias");
  CHECK(ours_of("norm3.bias", {Naming::kOpenMmlab, Architecture::kSwin, 4}) == "norm.bias");
  CHECK(ours_of("norm2.bias", {Naming::kOpenMmlab, Architecture::kSwin, 4}).empty());
  const NameScheme each{Naming::kHuggingFace, Architecture::kSwin, 4, true};
  CHECK(name_in("norm2.bias", each) == "backbone.hidden_states_norms.stage3.bias");
  CHECK(ours_of("hidden_states_norms.stage3.bias", each) == "norm2.bias");
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
    CHECK(name_in(names.name, {Naming::kTorchvision}) == names.torchvision);
    CHECK(name_in(names.name, {Naming::kTimm}) == names.timm);
    CHECK(name_in(names.name, {Naming::kOfficial}) == names.official);
  }
}

TEST_CASE("naming: names that a framework does not have") {
  for (const char* name : {"features.0.1.weight", "features.01.0.norm1.weight",
                           "features.-1.0.norm1.weight", "features.99999999999.0.norm1.weight",
                           "features", "features.1.0.norm1.a.b", "features.1.0.norm1"}) {
    CAPTURE(name);
    CHECK(ours_of(name, {Naming::kTorchvision}).empty());
  }
  CHECK(ours_of("layers.0.downsample.norm.weight", {Naming::kTimm}).empty());
  CHECK(ours_of("head.weight", {Naming::kTimm}).empty());
  CHECK(ours_of("layers.0.blocks", {Naming::kOfficial}).empty());
  CHECK(ours_of("", {Naming::kOfficial}).empty());
  CHECK(name_in("patch_embed.stem.0.weight", {Naming::kTorchvision}).empty());
  CHECK(name_in("normal.weight", {Naming::kTimm}).empty());
}

TEST_CASE("naming: patterns of names") {
  const auto match = match_name("a.{2S+1}.b{B}.x||z.*", "a.7.b0.z.weight");
  REQUIRE(match);
  CHECK(match->numbers.stage == 3);
  CHECK(match->numbers.block == 0);
  CHECK(match->numbers.choice == 2);
  CHECK(expand_name("{S+1}.{B}.q|k|v.*", *match) == "4.0.v.weight");
  CHECK(expand_name("{S}.q|k|.*", *match).empty());
  for (const char* name : {"a.6.b0.z.w", "a.7.b0..w", "a.7.b.z.w", "a.7.b0.z", "a.7.b0.z.w.w"}) {
    CAPTURE(name);
    CHECK_FALSE(match_name("a.{2S+1}.b{B}.x||z.*", name));
  }
  CHECK(match_name("norm{L}", "norm3", 3));
  CHECK(match_name("norm{L}", "norm3"));
  CHECK_FALSE(match_name("norm{L}", "norm3", 2));
  CHECK_FALSE(match_name("", ""));
}

TEST_CASE("naming: recognised from the merges rather than the head") {
  const auto recognise = [](const std::vector<std::string>& names) {
    const auto found = recognise_names(names);
    return found ? std::optional(found->scheme.naming) : std::nullopt;
  };
  CHECK(recognise({"layers.0.blocks.0.norm1.weight", "layers.1.blocks.0.norm1.weight",
                   "layers.1.downsample.norm.weight", "head.weight"}) == Naming::kTimm);
  CHECK(recognise({"layers.0.blocks.0.norm1.weight", "layers.1.blocks.0.norm1.weight",
                   "layers.0.downsample.norm.weight"}) == Naming::kOfficial);
  CHECK(recognise({"layers.0.blocks.0.norm1.weight"}) == Naming::kOfficial);
  CHECK(recognise({"conv1.weight", "fc.bias", "norm.weight"}) == std::nullopt);
  CHECK(recognise({}) == std::nullopt);
  CHECK(recognise({".", "..", ".layers.0.blocks.0.norm1.weight"}) == Naming::kOfficial);
}

TEST_CASE("naming: the averaged of several copies") {
  const auto prefix_of = [](const std::vector<std::string>& prefixes, const char* name) {
    std::vector<std::string> names;
    for (const std::string& prefix : prefixes) names.push_back(prefix + name);
    return recognise_names(names)->prefix;
  };
  const char* name = "layers.0.blocks.0.norm1.weight";
  CHECK(prefix_of({"model.", "model_ema."}, name) == "model_ema.");
  CHECK(prefix_of({"model.", "model_ema.module."}, name) == "model_ema.module.");
  CHECK(prefix_of({"student.module.", "teacher.module."}, name) == "teacher.module.");
  CHECK(prefix_of({"first.", "second."}, name) == "first.");
  CHECK(prefix_of({"grad/", "param/"}, name) == "param/");
  CHECK(prefix_of({"schema.", "net."}, name) == "schema.");  // not ema
  // The trainer of OpenMMLab exchanges them.
  CHECK(prefix_of({"state_dict.backbone.", "ema_state_dict.module.backbone."},
                  "stages.0.blocks.0.attn.w_msa.qkv.weight") == "state_dict.backbone.");
  // Half a copy is none.
  CHECK(recognise_names(std::vector<std::string>{"ema.layers.0.blocks.0.norm1.weight",
                                                 "net.layers.0.blocks.0.norm1.weight",
                                                 "net.layers.0.blocks.0.norm1.bias"})
            ->prefix == "net.");
}

TEST_CASE("naming: words and buffers") {
  for (const Naming naming : kAll) CHECK(naming_of(name_of(naming)) == naming);
  CHECK(naming_of("keras") == std::nullopt);
  CHECK(is_buffer("layers.0.blocks.1.attn_mask"));
  CHECK(is_buffer("features.1.0.attn.relative_position_index"));
  CHECK(is_buffer("features.1.0.attn.relative_coords_table"));
  CHECK(!is_buffer("features.1.0.attn.relative_position_bias_table"));
}

TEST_CASE("naming: every parameter of the fixtures has a name here, and its own again") {
  struct Case {
    const char* file;
    Naming naming;
  };
  constexpr Case kCases[] = {{"swin_32", Naming::kTorchvision},
                             {"swin_p4_w7_56", Naming::kTorchvision},
                             {"timm_swin_32", Naming::kTimm},
                             {"official_swin_32", Naming::kOfficial},
                             {"official_swin_32_ape", Naming::kOfficial},
                             {"timm_swin_v2_32", Naming::kTimm},
                             {"vit_32", Naming::kTessera},  // timm's are the same
                             {"hf_swin_32", Naming::kHuggingFace},
                             {"hf_swin_ape_30x26", Naming::kHuggingFace},
                             {"hf_swin_v2_32", Naming::kHuggingFace},
                             {"hf_vit_32", Naming::kHuggingFace}};
  constexpr std::string_view kPrefix = "param/";
  for (const Case& fixture : kCases) {
    CAPTURE(fixture.file);
    const auto file = read_safetensors(test::fixture(fixture.file + std::string(".safetensors")));
    std::vector<std::string> names;
    for (const StoredTensor& stored : file.tensors) {
      if (stored.name.starts_with(kPrefix) && !is_buffer(stored.name)) names.push_back(stored.name);
    }
    REQUIRE(names.size() > 30);
    const auto found = recognise_names(names);
    REQUIRE(found);
    CHECK(found->scheme.naming == fixture.naming);
    for (const std::string& name : names) {
      const bool head = !name.starts_with(found->prefix);
      const std::string& prefix = head ? found->head_prefix : found->prefix;
      const auto ours = to_tessera(name.substr(prefix.size()), found->scheme);
      REQUIRE_MESSAGE(ours, name);
      bool same = false;
      for (const PartName& part : from_tessera(ours->name, found->scheme)) {
        same |= part.name == name.substr(kPrefix.size()) && part.part == ours->part;
      }
      CHECK_MESSAGE(same, name);
    }
  }
}

}  // namespace
}  // namespace tessera
