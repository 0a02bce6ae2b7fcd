// `tessera data` on folders of images, as they should be and as they are.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "data/images/image.h"
#include "tests/program/program.h"
#include "tests/support/corrupted_images.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::Outcome;
using test::ScratchFolder;

/// A flat image whose colour tells it from all others.
void write_photo(const fs::path& path, int number) {
  fs::create_directories(path.parent_path());
  Image image{{12, 10, 3}, {}};
  for (int i = 0; i < 12 * 10; ++i) {
    for (const int value : {number % 256, number / 256, 200}) {
      image.pixels.push_back(static_cast<std::uint8_t>(value));
    }
  }
  write_png(path, image);
}

/// Two classes of three images to train with and one to test with.
void write_folder(const fs::path& root) {
  for (int i = 0; i < 3; ++i) {
    write_photo(root / fmt::format("train/cat/{}.png", i), i);
    write_photo(root / fmt::format("train/dog/{}.png", i), 10 + i);
  }
  write_photo(root / "val/cat/a.png", 20);
  write_photo(root / "val/dog/a.png", 21);
}

Outcome check(const fs::path& root, std::vector<std::string> more = {}) {
  more.insert(more.begin(), {"data", "check", root.string()});
  return test::tessera(std::move(more));
}

bool says(const Outcome& outcome, const std::string& part) {
  return outcome.out.find(part) != std::string::npos;
}

TEST_CASE("data check: a folder in order") {
  const ScratchFolder folder;
  write_folder(folder.path());
  const Outcome outcome = check(folder.path());
  CAPTURE(outcome.out);
  CHECK(outcome.code == 0);
  CHECK(outcome.err.empty());
  CHECK(says(outcome, "train: 6 images, 12 x 10 pixels\n"));
  CHECK(says(outcome, "  cat       3   50.0 %\n"));
  CHECK(says(outcome, "val: 2 images"));
  CHECK(!says(outcome, "test: "));
  CHECK(says(outcome, "no problems\n"));
}

TEST_CASE("data check: a folder of classes alone") {
  const ScratchFolder folder;
  write_photo(folder / "cat/1.png", 1);
  write_photo(folder / "dog/2.png", 2);
  CHECK(check(folder.path()).code == 0);
}

TEST_CASE("data check: of one folder each thing is told once, and what is left out is no problem") {
  const ScratchFolder folder;
  const fs::path root = folder / "photos";
  write_photo(root / "cat/1.png", 1);
  write_photo(root / "dog/2.png", 2);
  write_photo(root / "@eaDir/3.png", 3);
  test::write_text(root / "cat/notes.txt", "of no image");
  const Outcome well = check(root);
  CAPTURE(well.out);
  CHECK(well.code == 0);
  CHECK(says(well, "note: [data] " + root.string() + "/: 1 file without the name of an image"));
  CHECK(says(well, "no problems\n"));

  fs::create_symlink("nowhere.png", root / "cat/link.png");
  test::write_text(root / "dog/live.heic", "of a format that is not read");
  const Outcome problems = check(root);
  CAPTURE(problems.out);
  CHECK(problems.code == 3);
  CHECK(says(problems, "\n2 problems\n"));
  std::istringstream lines(problems.out);
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) CHECK(seen.insert(line).second);
}

TEST_CASE("data check: a folder with a list or with masks is not taken for one of classes") {
  const ScratchFolder folder;
  std::string list = "filepath;breed\n";
  for (int i = 0; i < 10; ++i) {
    write_photo(folder / fmt::format("dogs/all/{}.png", i), i);
    list += fmt::format("all/{}.png;{}\n", i, i % 2 == 0 ? "poodle" : "beagle");
  }
  test::write_text(folder / "dogs/labels.csv", list);
  const Outcome dogs = check(folder / "dogs");
  CAPTURE(dogs.out);
  CHECK(dogs.code == 0);
  CHECK(says(dogs, "note: read as image_folder, by the list labels.csv, with 20 % held out"));
  CHECK(says(dogs, "train: 8 images"));
  CHECK(says(dogs, "  beagle"));
  CHECK(says(dogs, "val: 2 images"));

  for (int i = 0; i < 4; ++i) {
    for (const char* split : {"train", "val"}) {
      const int number = 2 * i + (split[0] == 'v' ? 1 : 0);
      write_photo(folder / fmt::format("cells/images/{}/{}.png", split, i), number);
      Image mask{{12, 10, 1}, std::vector<std::uint8_t>(120, 0)};
      std::fill_n(mask.pixels.begin(), 30 + i, std::uint8_t{255});
      const fs::path path = folder / fmt::format("cells/masks/{}/{}.png", split, i);
      fs::create_directories(path.parent_path());
      write_png(path, mask);
    }
  }
  const Outcome cells = check(folder / "cells");
  CAPTURE(cells.out);
  CHECK(cells.code == 0);
  CHECK(says(cells, "note: read as image_masks\n"));
  CHECK(says(cells, "train: 4 images"));
  CHECK(says(cells, " pixels and 0 ignored"));
}

TEST_CASE("data check: all that is wrong is named, and the skip file mends it") {
  const ScratchFolder folder;
  const fs::path root = folder / "photos";
  write_folder(root);
  test::write_text(root / "train/cat/broken.jpg", "no image");
  test::write_text(root / "val/dog/empty.png", "");
  write_photo(root / "val/cat/b.png", 11);        // as train/dog/1.png
  write_photo(root / "train/dog/again.png", 11);  // and once more
  const std::string skip = folder / "skip.txt";
  const Outcome outcome = check(root, {"--write-skip", skip});
  CAPTURE(outcome.out);
  CHECK(outcome.code == 3);
  CHECK(says(outcome, "train/cat/broken.jpg: is no image"));
  CHECK(says(outcome, "val/dog/empty.png: empty file"));
  CHECK(says(outcome, "problem: train: train/dog/1.png has the pixels of val/cat/b.png in val"));
  CHECK(says(outcome, "4 problems\n"));
  CHECK(test::read_text(skip) ==
        "train/cat/broken.jpg\ntrain/dog/1.png\ntrain/dog/again.png\nval/dog/empty.png\n");

  const std::string config = folder / "photos.yaml";
  test::write_text(config, fmt::format("data: {{name: image_folder, root: {}, skip: {}}}\n",
                                       root.string(), skip));
  CHECK(check(config).code == 0);
}

TEST_CASE("data check: a class without images in a split, two labels of one image") {
  const ScratchFolder folder;
  write_folder(folder.path());
  fs::remove_all(folder / "val/dog");
  write_photo(folder / "train/dog/cat.png", 1);  // as train/cat/1.png
  const Outcome outcome = check(folder.path());
  CHECK(outcome.code == 3);
  CHECK(says(outcome, "problem: val has no images of class dog\n"));
  CHECK(says(outcome, "train/dog/cat.png (dog) has the pixels of train/cat/1.png (cat)"));
}

TEST_CASE("data check --json") {
  const ScratchFolder folder;
  write_folder(folder.path());
  test::write_text(folder / "val/cat/broken.png", "x");
  const Outcome outcome = check(folder.path(), {"--json"});
  CHECK(outcome.code == 3);
  const auto json = nlohmann::json::parse(outcome.out);
  CHECK(json["train"]["class_counts"] == std::vector<int>{3, 3});
  CHECK(json["val"]["unreadable"][0]["sample"] == "val/cat/broken.png");
  CHECK(json["train"]["heights"] == std::vector<int>{12, 12, 12});
  CHECK(json["problems"].size() == 1);
  CHECK(json["ok"] == false);
}

TEST_CASE("data check: what cannot be meant") {
  const ScratchFolder folder;
  write_folder(folder.path());
  const Outcome missing = check(folder / "no_such_folder");
  CHECK(missing.code == 2);
  CHECK(missing.err.find("no such configuration or folder") != std::string::npos);
  CHECK(check(folder.path(), {"--set", "data.root=x"}).code == 2);
  test::write_text(folder / "tiny.yaml", test::kTinyConfig);
  const Outcome shapes = check(folder / "tiny.yaml");
  CHECK(shapes.code == 0);
  CHECK(says(shapes, "test: 64 images"));
  CHECK(!says(shapes, "val: "));
  CHECK(check(folder / "tiny.yaml", {"--write-skip", folder / "skip.txt"}).code == 2);
}

TEST_CASE("data check: of a thousand corrupted files each is reported") {
  const ScratchFolder folder;
  write_folder(folder.path());
  std::vector<std::string> must;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const test::CorruptedImage image = test::corrupted_image(i);
    const std::string path = fmt::format("train/{}/{}", i % 2 == 0 ? "cat" : "dog", image.name);
    test::write_text(folder / path,
                     {reinterpret_cast<const char*>(image.bytes.data()), image.bytes.size()});
    if (image.must_fail) must.push_back(path);
  }
  REQUIRE(must.size() > 800);
  const Outcome outcome = check(folder.path(), {"--json"});
  CHECK(outcome.code == 3);
  const auto json = nlohmann::json::parse(outcome.out);
  std::vector<std::string> reported;
  for (const auto& entry : json["train"]["unreadable"]) reported.push_back(entry["sample"]);
  std::sort(reported.begin(), reported.end());
  for (const std::string& path : must) {
    CAPTURE(path);
    CHECK(std::binary_search(reported.begin(), reported.end(), path));
  }
  CHECK(json["train"]["samples"] == 1006);
}

TEST_CASE("data sample: test images as files, or a sheet of training images") {
  const ScratchFolder folder;
  const std::string config = folder / "tiny.yaml";
  test::write_text(config, test::kTinyConfig);
  CHECK(
      test::tessera({"data", "sample", config, "--out", folder / "samples", "--count", "6"}).code ==
      0);
  CHECK(std::distance(fs::directory_iterator(folder / "samples"), fs::directory_iterator()) == 6);
  const std::string sheet = folder / "sheet.png";
  CHECK(test::tessera({"data", "sample", config, "--preview", sheet}).out == sheet + "\n");
  CHECK(load_image(sheet, 3).shape.width > 8 * 160);
  CHECK(test::tessera({"data", "sample", config}).code == 2);
  CHECK(test::tessera({"data", "sample", config, "--preview", folder / "no/such/x.png"}).code == 1);
}

/// A pattern of large squares of that many kinds, and one pixel of it.
void write_squares(const fs::path& path, int number, int corner) {
  fs::create_directories(path.parent_path());
  Image image{{48, 48, 3}, {}};
  for (int y = 0; y < 48; ++y) {
    for (int x = 0; x < 48; ++x) {
      const int square = (y / 8) * 6 + x / 8;
      const int value = (square * square * (number + 3) + 7 * number) % 200 + 20;
      image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(value));
    }
  }
  image.pixels[0] = static_cast<std::uint8_t>(corner);
  write_png(path, image);
}

TEST_CASE("data check: images that look nearly the same, and classes of nearly one name") {
  const ScratchFolder folder;
  const fs::path root = folder / "images";
  for (int i = 0; i < 4; ++i) {
    write_squares(root / fmt::format("train/tulip/{}.png", i), i, 1);
    write_squares(root / fmt::format("train/tulips/{}.png", i), 10 + i, 1);
    write_squares(root / fmt::format("val/tulip/{}.png", i), 20 + i, 1);
    write_squares(root / fmt::format("val/tulips/{}.png", i), 30 + i, 1);
  }
  REQUIRE(check(root).out.find("nearly like") == std::string::npos);
  write_squares(root / "train/tulips/again.png", 2, 9);
  write_squares(root / "val/tulips/known.png", 11, 9);
  const std::string skip = folder / "skip.txt";
  const Outcome outcome = check(root, {"--write-skip", skip, "--near"});
  INFO(outcome.out);
  CHECK(outcome.code == 0);
  CHECK(says(outcome,
             "note: train: train/tulips/again.png looks nearly like train/tulip/2.png, and is "
             "labelled tulips, not tulip\n"));
  CHECK(says(outcome,
             "note: train: train/tulips/1.png looks nearly like val/tulips/known.png in val\n"));
  CHECK(says(outcome, "\"tulip\" and \"tulips\" have nearly the same name"));
  CHECK(test::read_text(skip) == "train/tulips/1.png\ntrain/tulips/again.png\n");
  const auto json = nlohmann::json::parse(check(root, {"--json"}).out);
  CHECK(json["near"].size() == 2);
}

TEST_CASE("data show: a sample by its name") {
  const ScratchFolder folder;
  const std::string out = folder / "x.png";
  const Outcome number = test::tessera({"data", "show", "synthetic", "test#57", "--out", out});
  INFO(number.out, number.err);
  CHECK(number.code == 0);
  CHECK(says(number, "32 x 32 pixels"));
  CHECK(load_image(out, 3).shape == ImageShape{32, 32, 3});
  write_folder(folder / "images");
  test::write_text(folder / "c.yaml",
                   "data: {name: image_folder, root: " + (folder / "images").string() + "}\n");
  const Outcome path = test::tessera({
      "data",
      "show",
      folder / "c.yaml",
      "val/dog/a.png",
      "--out",
      out,
  });
  INFO(path.out, path.err);
  CHECK(path.code == 0);
  CHECK(path.out == "val/dog/a.png (val): dog, 12 x 10 pixels\n");
  const Outcome none = test::tessera({"data", "show", "synthetic", "test#9999", "--out", out});
  CHECK(none.code == 1);
  CHECK(none.err.find("there is no sample \"test#9999\"; the first is \"train#0\"") !=
        std::string::npos);
  CHECK(test::tessera({"data", "show", "synthetik", "test#1", "--out", out}).code == 2);
}

}  // namespace
}  // namespace tessera
