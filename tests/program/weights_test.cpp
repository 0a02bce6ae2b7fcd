// Weights that come and go, as a user of the program sees it.
#include <nlohmann/json.hpp>

#include "tests/formats/torch_archive.h"
#include "tests/program/program.h"
#include "tests/support/paths.h"

namespace tessera::test {
namespace {

namespace fs = std::filesystem;

std::string fixture(const std::string& name) {
  return test::fixture(name + std::string(".safetensors"));
}

/// The model of every small fixture, of version 1 or 2, with what `more` says.
void write_model(const fs::path& path, int version, const std::string& more = "") {
  write_text(path, std::string("model: {name: ") + (version == 1 ? "swin" : "swin_v2") +
                       ", image_size: 32, num_classes: 10, patch_size: 2, embed_dim: 16, "
                       "depths: [2, 2], num_heads: [2, 4], window_size: 4" +
                       more + "}\n");
}

TEST_CASE("convert: own -> any naming -> own gives the same bytes, with and without a model") {
  const ScratchFolder folder;
  for (const int version : {1, 2}) {
    const std::string own = folder / "own", there = folder / "there", back = folder / "back";
    write_model(folder / "m.yaml", version);
    REQUIRE(tessera({"convert", fixture(version == 1 ? "swin_32" : "swin_v2_32"), own}).code == 0);
    for (const char* naming : {"tessera", "torchvision", "timm", "official"}) {
      CAPTURE(naming);
      CAPTURE(version);
      REQUIRE(tessera({"convert", own, there, "--to", naming}).code == 0);
      REQUIRE(tessera({"convert", there, back, "--to", "tessera"}).code == 0);
      CHECK(read_text(back) == read_text(own));
      const std::vector<std::string> with_model{
          "convert", own, there, "--to", naming, "--model", folder / "m.yaml"};
      REQUIRE(tessera(with_model).code == 0);
      REQUIRE(tessera({"convert", there, back}).code == 0);
      std::vector<std::string> own_with_model = with_model;
      own_with_model[2] = folder / "own_model";
      own_with_model[4] = "tessera";
      REQUIRE(tessera(own_with_model).code == 0);
      CHECK(read_text(back) == read_text(own_with_model[2]));
    }
  }
}

TEST_CASE("convert: mistakes are one line and leave no file") {
  const ScratchFolder folder;
  const std::string out = folder / "out";
  write_model(folder / "m.yaml", 1, ", in_channels: 3");
  const auto fails = [&](std::vector<std::string> arguments, int code) {
    arguments.insert(arguments.begin(), {"convert"});
    const Outcome outcome = tessera(std::move(arguments));
    CHECK(outcome.code == code);
    CHECK_FALSE(fs::exists(out));
    return outcome.err;
  };
  CHECK(fails({fixture("swin_32"), out, "--to", "keras"}, 2).find("keras") != std::string::npos);
  CHECK(fails({fixture("swin_32"), out, "--allow-missing", "head.*"}, 2).find("need --model") !=
        std::string::npos);
  CHECK(fails({folder / "none", out}, 1).find("No such file") != std::string::npos);
  write_text(folder / "text", "PK\3\4 or not");
  CHECK(fails({folder / "text", out}, 1).find("truncated?") != std::string::npos);
  CHECK(fails({fixture("swin_v2_32"), out, "--model", folder / "m.yaml"}, 1)
            .find("does not fit the model") != std::string::npos);
}

struct Broken {
  std::string what;
  std::string content;
  std::string error;
};

std::string safetensors(const std::string& header, std::size_t data) {
  return little(header.size(), 8) + header + std::string(data, '\0');
}

std::vector<Broken> broken_files() {
  const std::string name = R"("stages.0.blocks.0.norm1.bias")", other = R"("norm.bias")";
  const auto entry = [](const std::string& tensor, const std::string& rest) {
    return tensor + R"(:{"dtype":"F32",)" + rest + "}";
  };
  const std::string good = entry(name, R"("shape":[2],"data_offsets":[0,8])");
  const std::string whole = safetensors("{" + good + "}", 8);
  return {
      {"empty", "", "0 bytes are too few"},
      {"length alone", whole.substr(0, 8), "truncated?"},
      {"truncated header", whole.substr(0, 40), "truncated?"},
      {"truncated data", whole.substr(0, whole.size() - 1), "truncated?"},
      {"header of 4 GB", little(std::uint64_t{1} << 32, 8) + "{}", "4294967296 is above 100000000"},
      {"header of 2^64 - 1 bytes", little(~std::uint64_t{0}, 8) + "{}", "is above 100000000"},
      {"no JSON", safetensors("{" + good, 8), "is not UTF-8 JSON"},
      {"unknown dtype",
       safetensors("{" + name + R"(:{"dtype":"F8_E4M3","shape":[8],)" + R"("data_offsets":[0,8]}})",
                   8),
       "unknown dtype"},
      {"overlap",
       safetensors("{" + good + "," + entry(other, R"("shape":[2],"data_offsets":[4,12])") + "}",
                   12),
       "overlaps"},
      {"hole", safetensors("{" + entry(name, R"("shape":[2],"data_offsets":[8,16])") + "}", 16),
       "leaves a hole"},
      {"offsets beyond 2^63",
       safetensors(
           "{" + entry(name, R"("shape":[2],"data_offsets":[0,18446744073709551615])") + "}", 8),
       "too large"},
      {"a shape that overflows",
       safetensors(
           "{" + entry(name, R"("shape":[4294967296,4294967296],"data_offsets":[0,0])") + "}", 0),
       "overflows"},
      {"a name twice", safetensors("{" + good + "," + good + "}", 8), "duplicate name"},
      {"a pickle that calls",
       torch_archive(dictionary_of("cos\nsystem\n(" + text("touch x") + "tR")),
       "\"os\".\"system\" is not read"},
      {"a pickle that breaks off", torch_archive("\x80\x02}"), "[pickle]"},
      {"a tensor beyond its storage", torch_archive(dictionary_of(tensor_code({.elements = 400}))),
       "\"0\""},
      {"an archive cut off", torch_archive(dictionary_of(tensor_code({}))).substr(0, 90), "[zip]"},
      {"a bare pickle", dictionary_of(tensor_code({})), "not a safetensors file?"},
  };
}

TEST_CASE("weights that are broken or hostile are one line and exit code 1") {
  const ScratchFolder folder;
  write_model(folder / "m.yaml", 1);
  write_text(folder / "c.yaml", kTinyConfig);
  const std::string in = folder / "in", out = folder / "out";
  for (const Broken& broken : broken_files()) {
    CAPTURE(broken.what);
    write_text(in, broken.content);
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"convert", in, out},
          std::vector<std::string>{"export", folder / "m.yaml", out, "--weights", in},
          std::vector<std::string>{"train", folder / "c.yaml", "--out", out, "--set",
                                   "init.weights=" + in}}) {
      const Outcome outcome = tessera(arguments);
      CAPTURE(outcome.err);
      CHECK(outcome.code == 1);
      CHECK(outcome.has_one_line());
      CHECK_MESSAGE(outcome.err.find(broken.error) != std::string::npos,
                    "expected: ", broken.error);
      CHECK(outcome.err.find(in) != std::string::npos);
      CHECK_FALSE(fs::exists(out));
    }
  }
}

TEST_CASE("convert: fits weights to another geometry and says so") {
  const ScratchFolder folder;
  write_model(folder / "m.yaml", 1, ", in_channels: 1");
  const std::vector<std::string> arguments{"convert",
                                           fixture("swin_32"),
                                           folder / "out",
                                           "--model",
                                           folder / "m.yaml",
                                           "--set",
                                           "model.window_size=8",
                                           "--set",
                                           "model.num_classes=3",
                                           "--allow-missing",
                                           "head.*"};
  const Outcome outcome = tessera(arguments);
  REQUIRE(outcome.code == 0);
  CHECK(outcome.err.find("resized bicubically from 7x7 to 15x15 offsets") != std::string::npos);
  CHECK(outcome.err.find("summed over 3 channels") != std::string::npos);
  CHECK(outcome.err.find("head.weight: file [10, 32], model [3, 32]; keeps its initial value") !=
        std::string::npos);
  std::vector<std::string> strict = arguments;
  strict.push_back("--no-fit");
  CHECK(tessera(strict).code == 1);
}

TEST_CASE("train: starts from given weights, which a resume does not need again") {
  const ScratchFolder folder;
  write_text(folder / "c.yaml", kTinyConfig);
  const std::string first = folder / "first", second = folder / "second";
  REQUIRE(tessera({"train", folder / "c.yaml", "--out", first, "--set", "train.epochs=1"}).code ==
          0);
  const std::string weights = first + "/checkpoints/last/model.safetensors";
  const Outcome outcome =
      tessera({"train", folder / "c.yaml", "--out", second, "--set", "init.weights=" + weights,
               "--set", "optim.freeze=[stages.*]", "--set", "train.max_steps=3"});
  REQUIRE_MESSAGE(outcome.code == 0, outcome.err);
  CHECK(outcome.err.find("parameters loaded (tessera names)") != std::string::npos);
  fs::remove_all(first);
  CHECK(tessera({"train", "--resume", second, "--set", "train.max_steps=5"}).code == 0);
}

TEST_CASE("train: weights that do not fit leave no run behind; a dry run finds out, too") {
  const ScratchFolder folder;
  write_text(folder / "c.yaml", kTinyConfig);
  const std::string run = folder / "run";
  const std::vector<std::string> arguments{
      "train", folder / "c.yaml", "--out", run, "--set", "init.weights=" + fixture("swin_32")};
  Outcome outcome = tessera(arguments);
  CHECK(outcome.code == 1);
  CHECK(outcome.err.find("does not fit the model") != std::string::npos);
  CHECK_FALSE(fs::exists(run));
  std::vector<std::string> dry = arguments;
  dry.push_back("--dry-run");
  CHECK(tessera(dry).code == 1);
  outcome = tessera({"train", folder / "c.yaml", "--out", run, "--set", "optim.freeze=[no.*]"});
  CHECK(outcome.code == 2);
  CHECK(outcome.has_one_line());
  CHECK_FALSE(fs::exists(run));
}

}  // namespace
}  // namespace tessera::test
