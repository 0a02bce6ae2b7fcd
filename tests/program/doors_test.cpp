// Weights of others where a run is taken; folders of Hugging Face's; shells and pages of the
// manual.
#include <cmath>

#include "formats/json.h"
#include "formats/read_weights.h"
#include "formats/safetensors.h"
#include "tests/program/program.h"
#include "tests/support/paths.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

const std::string kFolder = fixture("hf_swin_32_folder");

bool says(const Outcome& outcome, const std::string& text) {
  return outcome.err.find(text) != std::string::npos;
}

/// `forward` of given weights on the images of a fixture.
Tensor logits_of(const std::string& weights, const ScratchFolder& folder,
                 std::vector<std::string> more = {}) {
  write_text(folder / "m.yaml",
             "model: {image_size: 32, in_channels: 3, num_classes: 10, patch_size: 2, embed_dim: "
             "16, depths: [2, 2], num_heads: [2, 4], window_size: 4, padding: torchvision}\n");
  std::vector<std::string> arguments{"forward",
                                     "--model",
                                     folder / "m.yaml",
                                     "--weights",
                                     weights,
                                     "--input",
                                     fixture("hf_swin_32.safetensors"),
                                     "--output",
                                     folder / "y"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const Outcome outcome = tessera(arguments);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  return read_safetensors(folder / "y").f32("logits");
}

double distance(const Tensor& a, const Tensor& b) {
  double worst = 0.0;
  for (std::int64_t i = 0; i < a.numel(); ++i) {
    worst = std::max(worst, std::abs(double{a.f32()[i]} - double{b.f32()[i]}));
  }
  return worst;
}

TEST_CASE(
    "a folder of Hugging Face's: there and back, in one file or in shards, the same answers") {
  const ScratchFolder folder;
  const Tensor expected = read_safetensors(fixture("hf_swin_32.safetensors")).f32("logits");
  CHECK(distance(logits_of(kFolder, folder), expected) < 1e-4);
  CHECK(distance(logits_of(kFolder + "/model.safetensors.index.json", folder), expected) < 1e-4);
  const std::string own = folder / "own.safetensors", there = folder / "there";
  REQUIRE(tessera({"convert", kFolder, own}).code == 0);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, std::vector<std::string>{"--shard-size", "30KB"}}) {
    std::vector<std::string> arguments{"convert", own, there, "--to", "huggingface"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = tessera(arguments);
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    CHECK(distance(logits_of(there, folder), expected) < 1e-4);
    const Json config = parse_json(read_text(there + "/config.json"));
    CHECK(config["id2label"]["3"] == "class 3");
    CHECK(config["architectures"][0] == "SwinForImageClassification");
    CHECK(read_text(there + "/README.md").find("pipeline_tag: image-classification") !=
          std::string::npos);
    CHECK(parse_json(read_text(there + "/preprocessor_config.json"))["image_mean"][0] == 0.485);
    const Outcome again = tessera(arguments);
    CHECK(again.code == 1);
    CHECK(says(again, "is there already"));
    fs::remove_all(there);
  }
  const Outcome wrong =
      tessera({"convert", own, there, "--to", "huggingface", "--shard-size", "many"});
  CHECK(wrong.code == 2);
  CHECK_FALSE(fs::exists(there));
}

TEST_CASE("weights without a configuration are classified with and exported") {
  const ScratchFolder folder;
  const std::string image = fixture("images/bmp_grey.bmp");
  const Outcome known = tessera({"predict", kFolder, image});
  REQUIRE_MESSAGE(known.code == 0, known.err);
  CHECK(known.out.find("class ") != std::string::npos);
  const std::string bare = folder / "bare.safetensors";
  REQUIRE(tessera({"convert", fixture("timm_swin_32.safetensors"), bare, "--to", "timm"}).code ==
          0);
  const Outcome guessed = tessera({"predict", bare, image});
  REQUIRE_MESSAGE(guessed.code == 0, guessed.err);
  CHECK(says(guessed, "guessed: data.mean, data.std, model.image_size"));
  const Outcome exported = tessera({"export", kFolder, folder / "m.onnx"});
  REQUIRE_MESSAGE(exported.code == 0, exported.err);
  CHECK(fs::file_size(folder / "m.onnx") > 10000);
  write_text(folder / "no", "weights");
  const Outcome wrong = tessera({"predict", folder / "no", image});
  CHECK(wrong.code == 1);
  CHECK(wrong.has_one_line());
}

TEST_CASE("train: starts from a folder, from a given prefix, with the epsilon of the weights") {
  const ScratchFolder folder;
  const std::string run = folder / "run";
  write_text(folder / "c.yaml", std::string(kTinyConfig));
  const std::vector<std::string> train{
      "train", folder / "c.yaml",         "--out", run,
      "--set", "init.weights=" + kFolder, "--set", "model.depths=[2, 2]",
      "--set", "model.patch_size=2",      "--set", "init.allow_missing=[head.*]",
      "--set", "train.max_steps=1"};
  const Outcome outcome = tessera(train);
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(says(outcome, "parameters loaded (huggingface names after swin.)"));
  CHECK(read_text(run + "/config.yaml").find("norm_epsilon: 1.0e-05") != std::string::npos);
  std::vector<std::string> wrong = train;
  wrong.insert(wrong.end(), {"--set", "init.prefix=other."});
  fs::remove_all(run);
  CHECK(tessera(wrong).code == 1);
  CHECK_FALSE(fs::exists(run));
}

TEST_CASE("a UPerNet goes to a folder of Hugging Face's by its config.json, and answers the same") {
  const ScratchFolder folder;
  const std::string source = fixture("hf_upernet_swin_eval.safetensors");
  const std::string own = folder / "own.safetensors", there = folder / "there";
  Outcome outcome = tessera({"convert", source, own, "--prefix", "param/"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  outcome = tessera({"convert", own, there, "--to", "huggingface"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  const Json config = parse_json(read_text(there + "/config.json"));
  CHECK(config["architectures"][0] == "UperNetForSemanticSegmentation");
  CHECK(config["backbone_config"]["depths"] == Json::array({2, 1, 2, 1}));
  CHECK(read_text(there + "/README.md").find("pipeline_tag: image-segmentation") !=
        std::string::npos);
  const Json processor = parse_json(read_text(there + "/preprocessor_config.json"));
  CHECK(processor["image_processor_type"] == "SegformerImageProcessor");
  CHECK(processor["size"]["width"] == 62);
  write_text(
      folder / "m.yaml",
      "model: {image_size: [50, 62], in_channels: 3, num_classes: 5, embed_dim: 8, depths: [2, "
      "1, 2, 1], num_heads: [1, 2, 4, 8], window_size: 4, mlp_ratio: 2, padding: torchvision, "
      "window_policy: keep, head: {type: upernet, channels: 20, norm: batch, auxiliary: "
      "{channels: 12}}}\ndata: {name: none}\n");
  for (const std::string& weights : {source, own, there}) {
    outcome = tessera({"forward", "--model", folder / "m.yaml", "--weights", weights, "--input",
                       source, "--output", folder / "y"});
    REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
    CHECK(distance(read_safetensors(folder / "y").f32("logits"),
                   read_safetensors(source).f32("logits")) < 1e-4);
  }
}

TEST_CASE("SimMIM's encoder: its mask token and decoder are left out, and that is said") {
  const ScratchFolder folder;
  const Outcome outcome = tessera({"convert", fixture("simmim_swin_32.safetensors"), folder / "out",
                                   "--prefix", "param/", "--to", "torchvision"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(says(outcome, "official names after param/encoder."));
}

TEST_CASE("completion and pages of the manual come from the table of commands") {
  const Outcome bash = tessera({"completion", "bash"});
  CHECK(bash.code == 0);
  CHECK(bash.out.find("'convert --to') echo 'tessera torchvision timm") != std::string::npos);
  CHECK(tessera({"completion", "zsh"}).out.find("#compdef tessera") == 0);
  CHECK(tessera({"completion", "fish"}).out.find("-l resume") != std::string::npos);
  CHECK(tessera({"completion", "csh"}).code == 2);
  const Outcome page = tessera({"manual", "data", "check"});
  CHECK(page.code == 0);
  CHECK(page.out.find(".TH tessera\\-data\\-check 1") == 0);
  CHECK(tessera({"manual", "data", "nothing"}).code == 2);
  const ScratchFolder folder;
  CHECK(tessera({"manual", "--all", folder / "man1"}).code == 0);
  for (const char* name : {"tessera.1", "tessera-train.1", "tessera-data-check.1"}) {
    CHECK(fs::exists(folder / "man1" / name));
  }
  const Outcome version = tessera({"--version"});
  CHECK(version.out.find("oneDNN") != std::string::npos);
  CHECK(version.out.find("kernels") != std::string::npos);
}

}  // namespace
}  // namespace tessera::test
