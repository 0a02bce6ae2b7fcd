// Names that are not UTF-8, more classes than fit in a short list, files that cannot be read.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/data/image_tree.h"
#include "tests/program/program.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::ScratchFolder;
using test::write_text;

constexpr const char* kNamesConfig = R"(
model: {image_size: 16, patch_size: 8, embed_dim: 8, depths: [1], num_heads: [1], window_size: 2}
data: {name: image_folder, batch_size: 2}
train: {epochs: 1, threads: 1, max_steps: 2}
)";

struct Images {
  Images() {
    testing::write_pets(folder / "pets");
    write_text(folder / "pets.yaml", kNamesConfig);
  }
  Outcome train(const std::string& run, const fs::path& root) const {
    return test::tessera({"train", folder / "pets.yaml", "--out", folder / run, "--set",
                          "data.root=" + root.string()});
  }
  ScratchFolder folder;
};

TEST_CASE("a path or class that no checkpoint could hold is refused before anything is made") {
  const Images images;
  fs::rename(images.folder / "pets", images.folder / "p\xe9ts");
  const auto check = [&](const std::string& part) {
    const Outcome outcome = images.train("run", images.folder / "p\xe9ts");
    CHECK(outcome.code == 2);
    CHECK(outcome.has_one_line());
    CAPTURE(outcome.err);
    CHECK(outcome.err.find(part) != std::string::npos);
    CHECK(outcome.err.find("is not UTF-8, so no checkpoint can hold it") != std::string::npos);
    CHECK(outcome.err.size() < 400);
    CHECK(!fs::exists(images.folder / "run"));
  };
  check("data.root: ");
  check("p\\xe9ts");
}

TEST_CASE("no name and no record of a run steers the terminal") {
  const Images images;
  const std::string name = "r\x1b[31m\au", shown_name = "r\\x1b[31m\\x07u";
  const auto check = [&](const std::vector<std::string>& arguments, int code) {
    CAPTURE(arguments.front());
    const Outcome outcome = test::tessera(arguments);
    CHECK(outcome.code == code);
    for (const std::string& text : {outcome.out, outcome.err}) {
      CHECK(text.find_first_of("\x1b\a") == std::string::npos);
    }
    CHECK((outcome.out + outcome.err).find(shown_name) != std::string::npos);
  };
  const std::string run = images.folder / "runs" / name;
  fs::create_directory(images.folder / "runs");
  check({"train", images.folder / "pets.yaml", "--out", run, "--set",
         "data.root=" + (images.folder / "pets").string()},
        0);
  check({"eval", run}, 0);
  check({"report", run}, 0);
  check({"runs", images.folder / "runs"}, 0);
  check({"train", "--resume", run, "--set", "model.embed_dim=16"}, 2);
  check({"export", run, run + ".onnx"}, 0);
  check({"eval", run + "none"}, 1);
  check({"train", run + ".yaml"}, 2);
  write_text(fs::path(run) / "status.json", R"({"state": "failed", "reason": "\u001b[31m\u0007"})");
  check({"runs", images.folder / "runs"}, 0);
}

TEST_CASE("a run that cannot be read hides no other") {
  const Images images;
  for (const char* run : {"runs/a", "runs/b"}) {
    fs::create_directory(images.folder / "runs");
    REQUIRE(images.train(run, images.folder / "pets").code == 0);
  }
  fs::remove(images.folder / "runs/a/metrics.jsonl");
  fs::create_directory(images.folder / "runs/a/metrics.jsonl");
  const Outcome outcome = test::tessera({"runs", images.folder / "runs"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("Is a directory") != std::string::npos);
  CHECK(outcome.out.find("\nb ") != std::string::npos);
}

TEST_CASE("names of files are any bytes, and JSON of them is UTF-8") {
  const Images images;
  REQUIRE(images.train("run", images.folder / "pets").code == 0);
  const fs::path photo = images.folder / "pets/val/cat/caf\xe9.png";
  fs::copy(images.folder / "pets/val/cat/c.png", photo);
  const Outcome outcome = test::tessera({"predict", images.folder / "run", photo, "--json"});
  REQUIRE(outcome.code == 0);
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json[0]["image"].get<std::string>().ends_with("caf\\xe9.png"));
  write_text(images.folder /
                 "pets/val/cat/b\xe4"
                 "d.png",
             "no image");
  const Outcome checked = test::tessera({"data", "check", images.folder / "pets", "--json"});
  CHECK(checked.code == 3);
  CHECK(nlohmann::json::parse(checked.out).dump().find("b\\\\xe4d.png") != std::string::npos);
}

TEST_CASE("predict names a file that it cannot read and classifies the others") {
  const Images images;
  REQUIRE(images.train("run", images.folder / "pets").code == 0);
  const std::string good = images.folder / "pets/val/cat/c.png";
  const std::string bad = images.folder / "bad.png";
  write_text(bad, "");
  const Outcome text = test::tessera(
      {"predict", images.folder / "run", good, bad, images.folder / "none.png", good});
  CHECK(text.code == 1);
  CHECK(std::ranges::count(text.err, '\n') == 2);
  CHECK(text.err.find("bad.png") != std::string::npos);
  CHECK(text.err.find("none.png") != std::string::npos);
  CHECK(std::ranges::count(text.out, '%') == 2);
  const Outcome outcome =
      test::tessera({"predict", images.folder / "run", good, bad, good, "--json"});
  CHECK(outcome.code == 1);
  const auto json = nlohmann::json::parse(outcome.out);
  REQUIRE(json.size() == 3);
  CHECK(json[0]["classes"].size() == 2);
  CHECK(json[1]["error"].get<std::string>().find("empty file") != std::string::npos);
  CHECK(!json[1].contains("classes"));
  CHECK(json[2]["classes"] == json[0]["classes"]);
}

TEST_CASE("a run on more than a thousand classes is saved, tested and resumed") {
  const Images images;
  constexpr int kClasses = 1001;
  testing::write_picture(images.folder / "one.png", 1, 4, 4);
  for (const char* split : {"train", "val"}) {
    for (int k = 0; k < kClasses; ++k) {
      const fs::path path = images.folder / "many" / split / fmt::format("c{:04}", k) / "a.png";
      fs::create_directories(path.parent_path());
      fs::create_hard_link(images.folder / "one.png", path);
    }
  }
  const Outcome trained = images.train("run", images.folder / "many");
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  const std::string run = images.folder / "run";
  const Outcome tested = test::tessera({"eval", run, "--json"});
  INFO(tested.err);
  REQUIRE(tested.code == 0);
  CHECK(nlohmann::json::parse(tested.out)["samples"] == kClasses);
  CHECK(test::tessera({"train", "--resume", run, "--set", "train.max_steps=3"}).code == 0);
}

}  // namespace
}  // namespace tessera
