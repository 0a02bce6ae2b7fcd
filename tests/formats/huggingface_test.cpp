#include <doctest/doctest.h>

#include "core/error.h"
#include "formats/huggingface/model_folder.h"
#include "formats/huggingface/model_json.h"
#include "formats/json.h"
#include "formats/read_weights.h"
#include "formats/weights/infer_model.h"
#include "formats/weights/translate.h"
#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"
#include "train/config/config.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::ScratchFolder;

HuggingFaceModel parse(const std::string& json) { return parse_huggingface_model(json, "f"); }

std::string yaml(const ModelConfig& model) {
  Config config;
  config.model = model;
  return to_yaml(config);
}

TEST_CASE("huggingface: what a config.json does not say is as transformers has it") {
  const ModelConfig swin = parse(R"({"model_type": "swin"})").model;
  CHECK(swin.depths == std::vector<std::int64_t>{2, 2, 6, 2});
  CHECK(swin.window_size == Size2{7, 7});
  CHECK(norm_epsilon(swin) == 1e-5f);
  CHECK(swin.num_classes == 2);
  CHECK(swin.padding == WindowPadding::kTorchvision);
  const ModelConfig vit = parse(R"({"model_type": "vit"})").model;
  CHECK(vit.embed_dim == 768);
  CHECK(vit.patch_size == Size2{16, 16});
  CHECK(norm_epsilon(vit) == 1e-12f);
  CHECK(vit.mlp_ratio == 4.0);
}

TEST_CASE("huggingface: epsilons of blocks and of patches are two") {
  const ModelConfig swin = parse(R"({"model_type": "swinv2", "layer_norm_eps": 1e-3})").model;
  CHECK(norm_epsilon(swin) == 1e-3f);
  CHECK(patch_norm_epsilon(swin) == 1e-5f);
}

TEST_CASE("huggingface: what cannot be read says key and value") {
  const auto error = [](const std::string& json) {
    return error_of<ConfigError>([&] { parse(json); });
  };
  CHECK(error("[1]").find("is no JSON object") != std::string::npos);
  CHECK(error("{}").find("model_type is missing, known here: swin, swinv2, vit") !=
        std::string::npos);
  CHECK(error(R"({"model_type": "bert"})").find("model_type is \"bert\"") != std::string::npos);
  CHECK(error(R"({"model_type": "swin", "hidden_act": "gelu_new"})").find("hidden_act") !=
        std::string::npos);
  CHECK(error(R"({"model_type": "swinv2", "use_absolute_embeddings": true})")
            .find("transformers itself cannot run") != std::string::npos);
  CHECK(error(R"({"model_type": "swin", "depths": 3})").find("depths is 3, expected a list") !=
        std::string::npos);
  CHECK(error(R"({"model_type": "swin", "window_size": 7.5})").find("window_size is 7.5") !=
        std::string::npos);
  CHECK(error(R"({"model_type": "vit", "id2label": {"0": "a", "2": "b"}})").find("\"1\"") !=
        std::string::npos);
}

TEST_CASE("huggingface: config.json there and back") {
  for (const char* name :
       {"hf_swin_32", "hf_swin_ape_30x26", "hf_swin_v2_32", "hf_swin_v2_pw_40", "hf_vit_32"}) {
    CAPTURE(name);
    const TensorFile file = read_weights(test::fixture(name + std::string(".safetensors")));
    const std::string& theirs = file.metadata.at(kModelJson);
    const HuggingFaceModel model = parse(theirs);
    const std::string ours = huggingface_model(model.model, model.classes);
    const HuggingFaceModel back = parse(ours);
    CHECK(yaml(back.model) == yaml(model.model));
    CHECK(back.classes == model.classes);
    // No key of theirs that ours has is told otherwise.
    const Json a = parse_json(theirs), b = parse_json(ours);
    for (const auto& [key, value] : b.items()) {
      CAPTURE(key);
      if (a.contains(key) && key != "pretrained_window_sizes") CHECK(a[key] == value);
    }
  }
}

TEST_CASE("huggingface: a model that transformers cannot build is refused by its key") {
  const auto error = [](const std::string& model) {
    const ModelConfig config = parse_config("model: {" + model + "}\ndata: {name: none}").model;
    return error_of<ConfigError>([&] { huggingface_model(config, {}); });
  };
  CHECK(error("") == "");
  CHECK(error("patch_embed: {type: conv_stem}").find("patch_embed.type") != std::string::npos);
  CHECK(error("patch_merging: {type: conv}").find("patch_merging.type") != std::string::npos);
  CHECK(error("token_shift: 0.25").find("token_shift") != std::string::npos);
  CHECK(error("name: swin_v2, position: [auto, absolute]").find("swin alone") != std::string::npos);
  CHECK(error("window_size: [7, 14]").find("is not square") != std::string::npos);
  CHECK(error("image_size: 64").find("larger than a map of 4x4") != std::string::npos);
  CHECK(error("channel_multiplier: 1.5, embed_dim: 96, num_heads: [3, 3, 3, 3]")
            .find("channel_multiplier") != std::string::npos);
  CHECK(error("name: vit, depths: [1], num_heads: [1], pool: mean").find("norm") !=
        std::string::npos);
}

TEST_CASE("huggingface: preprocessing there and back, in old forms, too") {
  const Preprocessing ours{{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}, true, 0.875};
  const Preprocessing back = parse_preprocessor_json(preprocessor_json(ours, {224, 224}), "f");
  CHECK(back.mean == ours.mean);
  CHECK(back.std == ours.std);
  CHECK(back.bicubic);
  CHECK(back.test_crop == doctest::Approx(0.875));
  const Preprocessing old = parse_preprocessor_json(
      R"({"size": 224, "resample": 2, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
          "crop_pct": 0.9})",
      "f");
  CHECK(!old.bicubic);
  CHECK(old.test_crop == 0.9);
  CHECK(old.mean == std::vector<float>{0.5f, 0.5f, 0.5f});
  CHECK_THROWS_AS(parse_preprocessor_json("3", "f"), ConfigError);
}

TEST_CASE("huggingface: a folder is written whole or not at all, in one file or in shards") {
  const ScratchFolder scratch;
  const TensorFile file = read_weights(test::fixture("hf_swin_32_folder"));
  const HuggingFaceModel model = parse(file.metadata.at(kModelJson));
  const ModelFolder folder{
      model.model,
      model.classes,
      Preprocessing{{0.5f}, {0.5f}, false, 1.0},
      {.name = "tiny \"one\"", .dataset = "", .metric = "", .split = "", .configuration = ""}};
  for (const std::uint64_t bytes : {std::uint64_t{0}, std::uint64_t{20000}}) {
    CAPTURE(bytes);
    const fs::path path = scratch / std::to_string(bytes);
    write_model_folder(path, file.tensors, folder, bytes);
    const TensorFile back = read_weights(path);
    CHECK(back.tensors.size() == file.tensors.size());
    CHECK(fs::exists(path / "model.safetensors") == (bytes == 0));
    CHECK(fs::exists(path / "model.safetensors.index.json") == (bytes != 0));
    CHECK(test::read_text(path / "README.md").starts_with("---\nlibrary_name: transformers\n"));
    for (const StoredTensor& tensor : file.tensors) {
      const StoredTensor& twin = back.at(tensor.name);
      CHECK(std::equal(tensor.bytes.begin(), tensor.bytes.end(), twin.bytes.begin(),
                       twin.bytes.end()));
    }
    CHECK(error_of<CheckpointError>([&] {
            write_model_folder(path, file.tensors, folder);
          }).find("is there already") != std::string::npos);
  }
  ModelFolder wrong = folder;
  wrong.model.token_shift = {0.5};
  CHECK_THROWS_AS(write_model_folder(scratch / "wrong", file.tensors, wrong), ConfigError);
  for (const auto& entry : fs::directory_iterator(scratch.path())) {
    CHECK(entry.path().string().find("unfinished") == std::string::npos);
  }
}

TEST_CASE("infer_model: names and shapes tell the model of every framework") {
  struct Case {
    const char* file;
    std::int64_t image_size;  // where no positions tell it, two windows of four tokens
    const char* model;
  };
  constexpr Case kCases[] = {
      {"swin_32", 16, "{image_size: 32, padding: torchvision, window_policy: pad}"},
      {"timm_swin_32", 16, "{image_size: 32, padding: timm}"},
      {"official_swin_32_ape", 32,
       "{image_size: 32, padding: torchvision, position: [auto, absolute]}"},
      {"swin_v2_32", 16,
       "{name: swin_v2, image_size: 32, padding: torchvision, window_policy: pad}"}};
  for (const Case& c : kCases) {
    CAPTURE(c.file);
    const TensorFile file = read_weights(test::fixture(c.file + std::string(".safetensors")));
    const InferredModel inferred = infer_model(file, translate(file));
    CHECK(inferred.model.embed_dim == 16);
    CHECK(inferred.model.patch_size == Size2{2, 2});
    CHECK(inferred.model.depths == std::vector<std::int64_t>{2, 2});
    CHECK(inferred.model.num_heads == std::vector<std::int64_t>{2, 4});
    CHECK(inferred.model.window_size == Size2{4, 4});
    CHECK(inferred.model.num_classes == 10);
    CHECK(inferred.model.image_size == Size2{c.image_size, c.image_size});
    CHECK(inferred.model.mlp_ratio == 4.0);
    const ModelConfig wanted =
        parse_config("model: " + std::string(c.model) + "\ndata: {name: none}").model;
    CHECK(inferred.model.padding == wanted.padding);
    CHECK(inferred.model.window_policy == wanted.window_policy);
    CHECK(inferred.model.name == wanted.name);
    CHECK(inferred.model.position.absolute == wanted.position.absolute);
  }
  const TensorFile vit = read_weights(test::fixture("hf_vit_32.safetensors"));
  const InferredModel inferred = infer_model(vit, translate(vit));
  CHECK(inferred.model.image_size == Size2{32, 32});
  CHECK(inferred.model.depths == std::vector<std::int64_t>{3});
  CHECK(inferred.model.mlp_ratio == 2.0);
  CHECK(inferred.guesses == std::vector<std::string>{"model.num_heads", "model.norm_epsilon"});
  const TensorFile dense = read_weights(test::fixture("mmseg_upernet_swin.safetensors"));
  CHECK_THROWS_AS(infer_model(dense, translate(dense)), CheckpointError);
}

}  // namespace
}  // namespace tessera
