// Folders of images through the whole program: recipes, training, names of classes, broken files.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/data/image_tree.h"
#include "tests/program/program.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::read_text;
using test::ScratchFolder;

constexpr const char* kFolderConfig = R"(
model: {image_size: 16, patch_size: 4, embed_dim: 16, depths: [1], num_heads: [2], window_size: 4}
data:
  name: image_folder
  batch_size: 2
  augment: {crop_area: [0.5, 1.0], flip: true}
train: {epochs: 2, threads: 1}
)";

struct Pets {
  Pets() {
    testing::write_pets(root());
    test::write_text(folder / "pets.yaml", kFolderConfig);
  }
  fs::path root() const { return folder / "pets"; }

  /// `train` into a run of this name.
  Outcome train(const std::string& run, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"train", folder / "pets.yaml",
                                       "--out", folder / run,
                                       "--set", "data.root=" + root().string()};
    for (const std::string& setting : more) arguments.insert(arguments.end(), {"--set", setting});
    return test::tessera(arguments);
  }

  ScratchFolder folder;
};

TEST_CASE("a folder of images trains, and its classes go with the checkpoint") {
  const Pets pets;
  const Outcome trained = pets.train("run");
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(read_text(pets.folder / "run" / "config.yaml").find("classes: [cat, dog]") !=
        std::string::npos);
  const std::string run = pets.folder / "run";
  const Outcome tested = test::tessera({"eval", run, "--json"});
  REQUIRE(tested.code == 0);
  const auto json = nlohmann::json::parse(tested.out);
  CHECK(json["samples"] == 3);
  CHECK(json["classes"][1]["class"] == "dog");

  const std::string photo = pets.folder / "photo.png";
  testing::write_picture(photo, 5, 30, 50);
  fs::rename(pets.root(), pets.folder / "elsewhere");
  const Outcome guessed = test::tessera({"predict", run, photo});
  REQUIRE(guessed.code == 0);
  CHECK(guessed.out.find("cat") != std::string::npos);
  const Outcome gone = test::tessera({"eval", run});
  CHECK(gone.code == 1);
  CHECK(gone.has_one_line());
  CHECK(gone.err.find("does not exist; set data.root") != std::string::npos);
}

TEST_CASE("a run on a folder gives the same metrics for any number of workers, and from a cache") {
  const Pets pets;
  REQUIRE(pets.train("a", {"data.workers=0"}).code == 0);
  const std::string metrics = read_text(pets.folder / "a" / "metrics.jsonl");
  REQUIRE(pets.train("b", {"data.workers=2"}).code == 0);
  CHECK(read_text(pets.folder / "b" / "metrics.jsonl") == metrics);
  REQUIRE(pets.train("ram", {"data.cache=ram"}).code == 0);
  const std::string cached = read_text(pets.folder / "ram" / "metrics.jsonl");
  const std::string cache = "data.cache_folder=" + (pets.folder / "cache").string();
  for (const char* run : {"disk", "again"}) {
    REQUIRE(pets.train(run, {"data.cache=disk", cache}).code == 0);
    CHECK(read_text(pets.folder / run / "metrics.jsonl") == cached);
  }
}

TEST_CASE("broken images end a run, or are skipped and named") {
  const Pets pets;
  testing::write_text(pets.root() / "train/cat/c1.png", "no image");
  testing::write_text(pets.root() / "val/dog/d.png", "no image");
  const Outcome failed = pets.train("failed", {"data.workers=2"});
  CHECK(failed.code == 1);
  CHECK(failed.err.find("train/cat/c1.png: ") != std::string::npos);
  const Outcome skipped = pets.train("skipped", {"data.on_error=skip"});
  INFO(skipped.err);
  CHECK(skipped.code == 0);
  CHECK(skipped.err.find("skipped: ") != std::string::npos);
  CHECK(skipped.err.find("train/cat/c1.png") != std::string::npos);
  CHECK(skipped.err.find("val/dog/d.png") != std::string::npos);
  const Outcome tested = test::tessera({"eval", pets.folder / "skipped", "--json"});
  CHECK(nlohmann::json::parse(tested.out)["samples"] == 2);
  CHECK(tested.err.find("skipped: ") != std::string::npos);
  testing::write_text(pets.folder / "skip.txt", "train/cat/c1.png\nval/dog/d.png\n");
  const Outcome listed = pets.train("listed", {"data.skip=" + (pets.folder / "skip.txt").string()});
  CHECK(listed.code == 0);
  CHECK(listed.err.find("skipped: ") == std::string::npos);
}

TEST_CASE("without the images: classes cannot be counted, but a model of given size be inspected") {
  const Pets pets;
  fs::remove_all(pets.root());
  const Outcome trained = pets.train("run");
  CHECK(trained.code == 2);
  CHECK(trained.has_one_line());
  CHECK(trained.err.find("model.num_classes auto is the number of classes of data.root") !=
        std::string::npos);
  CHECK(trained.err.find("does not exist") != std::string::npos);
  CHECK(test::tessera({"inspect", test::source("configs/imagenet_swin_tiny.yaml")}).code == 0);
}

TEST_CASE("the recipes on folders of images are sound") {
  const Pets pets;
  for (const char* name : {"flowers", "flowers_finetune", "imagenet_swin_tiny",
                           "imagenet_swin_small", "imagenet_swin_base"}) {
    CAPTURE(name);
    const Outcome outcome =
        test::tessera({"train", test::source("configs/" + std::string(name) + ".yaml"), "--dry-run",
                       "--set", "data.root=" + pets.root().string(), "--set", "data.batch_size=2",
                       "--set", "data.accumulate=1"});
    INFO(outcome.err);
    CHECK(outcome.code == 0);
    CHECK(outcome.out.find("Dry run") != std::string::npos);
  }
}

TEST_CASE("a run that fails on its images before it took a step leaves no folder") {
  const Pets pets;
  for (const char* name : {"cat/c0.png", "cat/c1.png", "cat/c2.png", "cat/c3.png", "dog/d0.png"}) {
    testing::write_text(pets.root() / "train" / name, "no image");
  }
  const Outcome failed = pets.train("failed");
  CHECK(failed.code == 1);
  CHECK(failed.err.find("data.on_error: skip leaves such images out") != std::string::npos);
  CHECK(!fs::exists(pets.folder / "failed"));
}

}  // namespace
}  // namespace tessera
