#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/data/image_tree.h"
#include "tests/files/tar_writer.h"
#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::read_text;

/// A run on cats and dogs.
struct Trained {
  Trained() {
    testing::write_pets(folder / "pets");
    test::write_text(folder / "pets.yaml", R"(
model: {image_size: 16, patch_size: 4, embed_dim: 16, depths: [1], num_heads: [2], window_size: 4}
data: {name: image_folder, batch_size: 2}
train: {epochs: 1, threads: 1, tensorboard: false}
)");
    const Outcome outcome = test::tessera({"train", folder / "pets.yaml", "--out", run(), "--set",
                                           "data.root=" + (folder / "pets").string()});
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
  }
  std::string run() const { return folder / "run"; }
  std::string train() const { return folder / "pets/train"; }

  Outcome predict(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"predict", run()});
    return test::tessera(arguments);
  }

  test::ScratchFolder folder;
};

std::vector<std::string> lines_in(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

TEST_CASE("predict: a folder as a table, CSV and JSON lines, all with the same answers") {
  const Trained trained;
  const Outcome table = trained.predict({trained.train()});
  REQUIRE(table.code == 0);
  const std::vector<std::string> rows = lines_in(table.out);
  REQUIRE(rows.size() == 6);
  CHECK(rows[0].ends_with("train/cat/c0.png"));
  CHECK(rows[5].ends_with("train/dog/deep/er/d1.PNG"));
  CHECK(rows[0].find(" %  ") != std::string::npos);

  const std::vector<std::string> csv =
      lines_in(trained.predict({trained.train(), "--format", "csv", "--top", "2"}).out);
  REQUIRE(csv.size() == 7);
  CHECK(csv[0] == "image,class,probability,class_2,probability_2");
  CHECK(csv[1].starts_with(trained.train() + "/cat/c0.png,"));

  const std::vector<std::string> json =
      lines_in(trained.predict({trained.train(), "--format", "jsonl"}).out);
  REQUIRE(json.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) {
    const auto record = nlohmann::json::parse(json[i]);
    const std::string name = record["classes"][0]["class"];
    CHECK(csv[i + 1].find(',' + name + ',') != std::string::npos);
    CHECK(rows[i].find("  " + name) != std::string::npos);
    CHECK(record["classes"].size() == 2);
    CHECK(record["classes"][0]["probability"].get<double>() >= 0.5);
  }
}

TEST_CASE("predict: batches give what a photo alone gives") {
  const Trained trained;
  const auto together = nlohmann::json::parse(trained.predict({trained.train(), "--json"}).out);
  for (const auto& record : together) {
    const auto alone =
        nlohmann::json::parse(trained.predict({record["image"].get<std::string>(), "--json"}).out);
    CHECK(alone[0]["classes"][0]["class"] == record["classes"][0]["class"]);
    CHECK(alone[0]["classes"][0]["probability"].get<double>() ==
          doctest::Approx(record["classes"][0]["probability"].get<double>()).epsilon(1e-5));
  }
}

TEST_CASE("predict: below the threshold there is no answer") {
  const Trained trained;
  const Outcome table = trained.predict({trained.train(), "--threshold", "1"});
  CHECK(table.code == 0);
  CHECK(lines_in(table.out)[0].starts_with("       -  unsure"));
  const std::string csv =
      trained.predict({trained.train(), "--threshold", "1", "--format", "csv"}).out;
  CHECK(lines_in(csv)[1].ends_with("c0.png,,"));
  const auto json =
      nlohmann::json::parse(trained.predict({trained.train(), "--threshold", "1", "--json"}).out);
  CHECK(json[0]["classes"].empty());
}

TEST_CASE("predict: broken photos of a folder are a line each, and the rest goes on") {
  const Trained trained;
  test::write_text(trained.train() + "/cat/b.png", "no image");
  const Outcome outcome = trained.predict({trained.train(), "--format", "csv"});
  CHECK(outcome.code == 1);
  CHECK(outcome.has_one_line());
  CHECK(outcome.err.find("cat/b.png: is no image") != std::string::npos);
  CHECK(lines_in(outcome.out).size() == 7);
  const Outcome json = trained.predict({trained.train(), "--json"});
  CHECK(json.code == 1);
  CHECK(nlohmann::json::parse(json.out)[0].contains("error"));
}

TEST_CASE("predict: archives, lists, patterns") {
  const Trained trained;
  const testing::Bytes picture = testing::bytes_of(trained.train() + "/cat/c0.png");
  const std::string tar = trained.folder / "photos.tar";
  testing::write_file(tar, testing::TarWriter().add("a.png", picture).bytes());
  test::write_text(trained.folder / "list.txt", "pets/val/cat/c.png\npets/val/dog/d.png\n");
  const Outcome outcome = trained.predict({tar, trained.train() + "/dog/*.png", "--list",
                                           trained.folder / "list.txt", "--format", "csv"});
  INFO(outcome.err);
  CHECK(outcome.code == 0);
  const std::vector<std::string> lines = lines_in(outcome.out);
  REQUIRE(lines.size() == 5);
  CHECK(lines[1].starts_with(tar + "/a.png,"));
  CHECK(lines[2].find("dog/d0.png,") != std::string::npos);
  CHECK(lines[4].find("dog/d.png,") != std::string::npos);
}

TEST_CASE("predict: --copy-to sorts photos into folders of classes, once") {
  const Trained trained;
  const std::string sorted = trained.folder / "sorted";
  testing::write_picture(trained.folder / "more/c0.png", 1);  // not the c0.png of the cats
  const std::vector<std::string> arguments = {trained.train(), trained.folder / "more", "--copy-to",
                                              sorted};
  REQUIRE(trained.predict(arguments).code == 0);
  const auto copies = test::files_of(sorted);
  CHECK(copies.size() == 7);
  for (const auto& [path, text] : copies) {
    CHECK((path.starts_with("cat/") || path.starts_with("dog/")));
  }
  REQUIRE(trained.predict(arguments).code == 0);
  CHECK(test::files_of(sorted) == copies);
  const std::string unsure = trained.folder / "unsure";
  REQUIRE(trained.predict({trained.train(), "--threshold", "1", "--copy-to", unsure}).code == 0);
  CHECK(test::files_of(unsure).size() == 6);
  CHECK(fs::exists(fs::path(unsure) / "unsure/c0.png"));
}

TEST_CASE("predict: what cannot be meant") {
  const Trained trained;
  CHECK(trained.predict({}).code == 2);
  CHECK(trained.predict({trained.train(), "--format", "xml"}).code == 2);
  CHECK(trained.predict({trained.train(), "--threshold", "2"}).code == 2);
  CHECK(trained.predict({trained.train(), "--json", "--format", "csv"}).code == 2);
  const Outcome none = trained.predict({trained.folder / "none"});
  CHECK(none.code == 1);
  CHECK(none.has_one_line());
}

}  // namespace
}  // namespace tessera
