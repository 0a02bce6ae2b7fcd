// `eval`: one checkpoint at several patch sizes, and in several views.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/program/program.h"
#include "tests/support/xml_check.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using test::kTinyConfig;
using test::read_text;
using test::ScratchFolder;
using test::write_text;

/// A trained run; `settings` are laid over the tiny configuration.
struct Run {
  ScratchFolder folder;
  std::string path = (folder / "run").string();

  explicit Run(const std::vector<std::string>& settings = {}) {
    write_text(folder / "tiny.yaml", kTinyConfig);
    std::vector<std::string> arguments = {"train", folder / "tiny.yaml", "--out", path};
    for (const std::string& setting : settings) {
      arguments.insert(arguments.end(), {"--set", setting});
    }
    REQUIRE(test::tessera(arguments).code == 0);
  }

  test::Outcome eval(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"eval", path});
    return test::tessera(arguments);
  }

  json eval_json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const test::Outcome outcome = eval(std::move(arguments));
    CAPTURE(outcome.err);
    REQUIRE(outcome.code == 0);
    return json::parse(outcome.out);
  }

  void refuses(std::vector<std::string> arguments, const std::string& line) const {
    const test::Outcome outcome = eval(std::move(arguments));
    CHECK(outcome.code == 2);
    CHECK(outcome.err == "tessera: " + line + "\n");
  }
};

TEST_CASE("eval --patch-size: a table, JSON and a curve of one checkpoint") {
  const Run run;
  const json whole = run.eval_json({});
  const json rows = run.eval_json({"--patch-size", "4,2,8"})["patch_sizes"];
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["patch_size"] == 4);
  CHECK(rows[1]["patch_size"] == 2);
  CHECK(rows[1]["tokens"] ==
        json{2 * rows[0]["tokens"][0].get<int>(), 2 * rows[0]["tokens"][1].get<int>()});
  CHECK(rows[1]["macs"] > rows[0]["macs"]);
  CHECK(rows[0]["macs"] > rows[2]["macs"]);
  // At its own patch nothing is resized.
  for (const char* metric : {"top1", "top5", "loss", "calibration_error", "samples"}) {
    CHECK(rows[0][metric] == whole[metric]);
  }
  CHECK(rows[1]["loss"] != whole["loss"]);

  const std::string curve = run.folder / "curve.svg";
  const test::Outcome table = run.eval({"--patch-size", "4,2,8", "--curve", curve});
  REQUIRE(table.code == 0);
  CHECK(table.out.find("4 *") != std::string::npos);
  CHECK(table.out.find("2 *") == std::string::npos);
  const std::string svg = read_text(curve);
  CHECK(test::XmlCheck::problem(svg).empty());
  CHECK(svg.find("Top-1 by patch size") != std::string::npos);
  CHECK(svg.find("multiply-adds") != std::string::npos);
  CHECK(svg.find("patch as trained") != std::string::npos);
}

TEST_CASE("eval --patch-size: what cannot be is said in one line") {
  const Run run;
  run.refuses({"--curve", "x.svg"}, "--curve: is for --patch-size, as in 1,2,4");
  run.refuses({"--patch-size", "2", "--curve", "x.png"},
              "--curve x.png: is drawn as SVG; give a name that ends in .svg");
  const test::Outcome large = run.eval({"--patch-size", "4,64"});
  CHECK(large.code == 2);
  CHECK(large.has_one_line());
  CHECK(large.out.empty());  // said before the first test
  const Run stem({"model.patch_embed.type=conv_stem"});
  stem.refuses(
      {"--patch-size", "4,2"},
      "--patch-size 2: the convolutions of patch_embed.type conv_stem belong to patch_size "
      "4x4 and cannot be resized");
}

TEST_CASE("eval --tta: more views, other answers, said in the output") {
  const Run run;
  const json plain = run.eval_json({});
  CHECK(plain["views"] == json{{"count", 1}, {"flip", false}, {"shift", 0}});
  const json flip = run.eval_json({"--tta", "flip"});
  CHECK(flip["views"] == json{{"count", 2}, {"flip", true}, {"shift", 0}});
  const json crops = run.eval_json({"--tta", "crops"});
  CHECK(crops["views"] == json{{"count", 5}, {"flip", false}, {"shift", 2}});  // crop_padding
  const json all = run.eval_json({"--tta", "flip,crops", "--shift", "3"});
  CHECK(all["views"] == json{{"count", 10}, {"flip", true}, {"shift", 3}});
  for (const json& result : {flip, crops, all}) {
    CHECK(result["samples"] == plain["samples"]);
    CHECK(result["loss"] != plain["loss"]);
  }
  const test::Outcome text = run.eval({"--tta", "flip,crops"});
  CHECK(
      text.out.find("mean of 10 views of each image, mirrored, moved by 2 pixels to the corners") !=
      std::string::npos);
  const json fitted = run.eval_json({"--tta", "flip", "--patch-size", "4"})["patch_sizes"][0];
  CHECK(fitted["loss"] == flip["loss"]);

  run.refuses({"--shift", "2"}, "--shift 2: is for --tta crops");
  const test::Outcome wide = run.eval({"--tta", "crops", "--shift", "1000"});
  CHECK(wide.code == 2);
  CHECK(wide.err.find("a shift by 1000 pixels leaves nothing of images of") != std::string::npos);
  CHECK(run.eval({"--tta", "rotate"}).code == 2);
}

}  // namespace
}  // namespace tessera
