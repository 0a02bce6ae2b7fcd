#include "files/shard_source.h"

#include <doctest/doctest.h>

#include "core/error.h"
#include "data/loader.h"
#include "data/open_dataset.h"
#include "files/braces.h"
#include "tests/files/tar_writer.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

using testing::TarWriter;

void write_tar(const std::filesystem::path& path, const TarWriter& tar) {
  testing::write_file(path, tar.bytes());
}

TEST_CASE("braces: numbers keep their digits, words may hold further braces") {
  using Names = std::vector<std::string>;
  CHECK(expand_braces("a.tar") == Names{"a.tar"});
  CHECK(expand_braces("a-{08..11}.tar") == Names{"a-08.tar", "a-09.tar", "a-10.tar", "a-11.tar"});
  CHECK(expand_braces("{9..10}") == Names{"9", "10"});
  CHECK(expand_braces("x-{train-{0..1},val-0}.tar") ==
        Names{"x-train-0.tar", "x-train-1.tar", "x-val-0.tar"});
  CHECK_THROWS_AS(expand_braces("a-{0..1.tar"), DataError);
  CHECK_THROWS_AS(expand_braces("a-{5..1}.tar"), DataError);
  CHECK_THROWS_AS(expand_braces("a-{0..99999999}.tar"), DataError);
}

TEST_CASE("shards: samples of all archives are shown as folders of parts and classes") {
  const test::ScratchFolder folder;
  write_tar(
      folder / "set-train-000.tar",
      TarWriter().add("b.jpg", "B").add("b.cls", "7\n").add("a.jpg", "AA").add("a.cls", "10"));
  write_tar(folder / "set-train-001.tar",
            TarWriter().add("a.png", "AAA").add("a.json", R"({"label": 7, "x": 1})"));
  write_tar(folder / "set-val-000.tar", TarWriter().add("c.webp", "C").add("c.cls", "7"));
  const auto files = open_files((folder / "set-{train-{000..001},val-000}.tar").string());
  CHECK(files->folders("") == std::vector<std::string>{"train", "val"});
  CHECK(files->folders("train") == std::vector<std::string>{"10", "7"});
  CHECK(files->files("train") == std::vector<std::string>{"train/10/set-train-000/a.jpg",
                                                          "train/7/set-train-000/b.jpg",
                                                          "train/7/set-train-001/a.png"});
  CHECK(files->top_files("val/7/set-val-000") ==
        std::vector<std::string>{"val/7/set-val-000/c.webp"});
  CHECK(files->has_folder("train/7"));
  CHECK(!files->has_folder("train/8"));
  CHECK(files->file_size("train/7/set-train-001/a.png") == 3);
  const auto bytes = files->read("train/10/set-train-000/a.jpg", 100);
  CHECK(std::string(bytes.begin(), bytes.end()) == "AA");
  CHECK_THROWS_AS(files->read("train/10/set-train-000/a.jpg", 1), DataError);
}

TEST_CASE("shards: images with masks are the folders of such a data set") {
  const test::ScratchFolder folder;
  write_tar(
      folder / "t-000.tar",
      TarWriter().add("k.jpg", "J").add("k.png", "M").add("l.jpg", "J").add("l.seg.png", "N"));
  const auto files = open_files((folder / "t-{000..000}.tar").string());
  CHECK(files->files("images") ==
        std::vector<std::string>{"images/t-000/k.jpg", "images/t-000/l.jpg"});
  CHECK(files->files("masks") ==
        std::vector<std::string>{"masks/t-000/k.png", "masks/t-000/l.png"});
}

TEST_CASE("shards: what is missing or cannot be meant is named") {
  const test::ScratchFolder folder;
  const auto message = [&](const TarWriter& tar) {
    write_tar(folder / "s-0.tar", tar);
    try {
      open_files((folder / "s-{0..0}.tar").string());
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto says = [&](const TarWriter& tar, const char* part) {
    return message(tar).find(part) != std::string::npos;
  };
  CHECK(says(TarWriter().add("a.jpg", "x"), "has no class (a.cls, a.json) and no mask"));
  CHECK(says(TarWriter().add("a.jpg", "x").add("a.cls", " \n"), "a.cls is empty"));
  CHECK(says(TarWriter().add("a.jpg", "x").add("a.cls", "../b"), "a.cls is no class"));
  CHECK(says(TarWriter().add("a.jpg", "x").add("a.json", "[1]"), "a.json has no cls"));
  CHECK(message(TarWriter().add("a.txt", "x")).empty());
  CHECK_THROWS_AS(open_files((folder / "s-{0..1}.tar").string()), DataError);
}

}  // namespace
}  // namespace tessera
