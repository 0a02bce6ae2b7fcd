#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/data/image_tree.h"
#include "tests/program/run_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::read_text;

/// Dark and bright pictures, one of the bright ones among the dark: easy to learn, easy to find.
class Mislabelled {
 public:
  Mislabelled() {
    for (int i = 0; i < 24; ++i) {
      const bool is_bright = i % 2 == 1;
      const int value = (is_bright ? 200 : 30) + i;
      Image image{{16, 16, 3}, std::vector<std::uint8_t>(768, static_cast<std::uint8_t>(value))};
      const char* label = is_bright && i != 23 ? "bright" : "dark";
      const fs::path path = folder_ / "images" / label / fmt::format("{}.png", i);
      fs::create_directories(path.parent_path());
      write_png(path, image);
    }
    test::write_text(folder_ / "config.yaml", R"(
model: {image_size: 16, patch_size: 4, embed_dim: 16, depths: [1], num_heads: [2], window_size: 4}
data: {name: image_folder, folds: 2, batch_size: 4}
optim: {lr: 2.0e-3}
train: {epochs: 12, threads: 1, tensorboard: false}
)");
  }

  fs::path operator/(const std::string& name) const { return folder_ / name; }

  std::string train_fold(int fold) const {
    const std::string run = folder_ / fmt::format("fold{}", fold);
    const Outcome outcome = test::tessera({"train", folder_ / "config.yaml", "--out", run, "--set",
                                           "data.root=" + (folder_ / "images").string(), "--set",
                                           fmt::format("data.fold={}", fold)});
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    return run;
  }

 private:
  test::ScratchFolder folder_;
};

TEST_CASE("mistakes: the folds of a data set find the label that is wrong") {
  const Mislabelled images;
  const std::string first = images.train_fold(0), second = images.train_fold(1);
  const std::string skip = images / "skip.txt", list = images / "list.csv";
  const Outcome outcome = test::tessera(
      {"mistakes", first, second, "--json", "--write-skip", skip, "--write-list", list});
  INFO(outcome.out, outcome.err);
  REQUIRE(outcome.code == 0);
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["images"] == 24);
  REQUIRE(!json["label_errors"].empty());
  CHECK(json["label_errors"][0]["image"] == "dark/23.png");
  CHECK(json["label_errors"][0]["suggested"] == "bright");
  CHECK(read_text(skip).find("dark/23.png\n") != std::string::npos);
  CHECK(read_text(list).find("dark/23.png,bright\n") != std::string::npos);
  const Outcome text = test::tessera({"mistakes", first, second});
  CHECK(text.out.find("bright, not dark  dark/23.png") != std::string::npos);

  const Outcome twice = test::tessera({"mistakes", first, first});
  CHECK(twice.code == 2);
  CHECK(twice.err.find("two of the runs have") != std::string::npos);

  const std::string answers = images / "answers.csv";
  REQUIRE(test::tessera({"eval", first, "--split", "val", "--predictions", answers}).code == 0);
  const std::string csv = read_text(answers);
  CHECK(csv.starts_with("image,label,predicted,probability,bright,dark\n"));
  CHECK(std::ranges::count(csv, '\n') == 13);
}

}  // namespace
}  // namespace tessera
