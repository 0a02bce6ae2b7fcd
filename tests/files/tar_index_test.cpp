#include "files/tar_index.h"

#include <doctest/doctest.h>

#include "data/dataset.h"
#include "data/open_dataset.h"
#include "files/tar_source.h"
#include "tests/data/image_tree.h"
#include "tests/files/tar_writer.h"

namespace tessera {
namespace {

using namespace testing;
using Names = std::vector<std::string>;

TarIndex index_of(const Bytes& bytes) {
  return read_tar_index(
      [&](std::uint64_t offset, std::span<std::uint8_t> out) {
        REQUIRE(offset + out.size() <= bytes.size());
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), out.size(), out.begin());
      },
      bytes.size(), "a.tar");
}

std::string error_of(const Bytes& bytes) {
  return message_of<DataError>([&] { index_of(bytes); });
}

Names files_of(const TarIndex& index) {
  Names names;
  for (const auto& [path, file] : index.files)
    names.push_back(fmt::format("{}:{}", path, file.size));
  return names;
}

const std::string kLong = std::string(150, 'd') + "/" + std::string(120, 'f') + ".png";

TEST_CASE("tar: files, folders, the last of equal names, what is no file") {
  const TarIndex index = index_of(TarWriter()
                                      .add("./", "", '5')
                                      .add("./a/", "", '5')
                                      .add("./a/one.png", "first")
                                      .add("a//./two.png", std::string(512, 'x'), '\0')
                                      .add("b/c/old/", "", '\0')
                                      .add("a/one.png", "second!")
                                      .add("pipe", "", '6')
                                      .bytes());
  CHECK(files_of(index) == Names{"a/one.png:7", "a/two.png:512"});
  CHECK(index.folders == std::set<std::string>{"a", "b", "b/c", "b/c/old"});
}

TEST_CASE("tar: long names of GNU, of pax and of ustar's prefix; sizes of pax and of 256") {
  const TarIndex gnu =
      index_of(TarWriter().add("././@LongLink", kLong, 'L').add("cut", "1").bytes());
  CHECK(files_of(gnu) == Names{kLong + ":1"});
  const TarIndex pax = index_of(TarWriter()
                                    .add("pax_global_header", "16 comment=abcd\n", 'g')
                                    .pax("path", kLong)
                                    .add("cut", "12")
                                    .add("next", "3")
                                    .bytes());
  CHECK(files_of(pax) == Names{kLong + ":2", "next:1"});
  TarWriter prefix;
  prefix.add("name.png", "1").change_header(345, {'d', 'i', 'r'});
  CHECK(files_of(index_of(prefix.bytes())) == Names{"dir/name.png:1"});
  TarWriter base256;
  base256.add("a", "12345").change_header(124, {0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5});
  CHECK(files_of(index_of(base256.bytes())) == Names{"a:5"});
  TarWriter sized;
  sized.pax("size", "4").add("a", "1234").change_header(124, {'0', '0', '0'});
  CHECK(files_of(index_of(sized.bytes())) == Names{"a:4"});
}

TEST_CASE("tar: links stand for what they point to") {
  const TarIndex index = index_of(TarWriter()
                                      .add("b/early", Bytes{}, '2', "../a/chain")
                                      .add("a/file", "data")
                                      .add("a/hard", Bytes{}, '1', "a/file")
                                      .add("a/chain", Bytes{}, '2', "hard")
                                      .bytes());
  CHECK(files_of(index) == Names{"a/chain:4", "a/file:4", "a/hard:4", "b/early:4"});
  CHECK(index.files.at("b/early").offset == index.files.at("a/file").offset);
  const auto link_error = [](const std::string& target, char type) {
    return error_of(TarWriter().add("a/link", Bytes{}, type, target).bytes());
  };
  CHECK(link_error("gone", '2') ==
        "[tar] a.tar: \"a/link\" is a link to \"a/gone\", which is no file of the archive, at byte "
        "0");
  CHECK(contains(link_error("link", '2'), "is no file of the archive"));
  CHECK(contains(link_error("../../etc/passwd", '2'), "leads out of the archive"));
  CHECK(contains(link_error("/etc/passwd", '1'), "leads out of the archive"));
}

TEST_CASE("tar: damage is one line that says where") {
  const Bytes good = TarWriter().add("a", "1").add("b", std::string(2000, 'x')).bytes();
  CHECK(error_of(good) == "nothing thrown");
  Bytes flipped = good;
  flipped[1024 + 3] ^= 1;
  CHECK(error_of(flipped) == "[tar] a.tar: wrong checksum of a header, at byte 1024");
  flipped = good;
  flipped[0] ^= 1;
  CHECK(error_of(flipped) ==
        "[tar] a.tar: is no tar archive: wrong checksum of a header, at byte 0");
  for (const std::size_t size : {0u, 100u, 511u, 1024u, 1500u, 1536u, 3000u}) {
    CHECK(contains(error_of({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}),
                   "[tar] a.tar: truncated: "));
  }
  TarWriter huge;
  huge.add("a", "1").change_header(124, Bytes(11, '7'));
  CHECK(contains(error_of(huge.bytes()), "truncated: \"a\" has 8589934591 bytes, 1536 are left"));
  huge.change_header(124, Bytes(12, 0xff));
  CHECK(contains(error_of(huge.bytes()), "\"a\" has no size that is a number"));
  huge.change_header(124, {0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  CHECK(contains(error_of(huge.bytes()), "\"a\" has no size that is a number"));
  for (const char* path : {"../a", "/a", "a/../../b"}) {
    CHECK(contains(error_of(TarWriter().add(path, "1").bytes()), "leads out of the archive"));
  }
  CHECK(contains(error_of(TarWriter().add("a", "1", 'S').bytes()), "\"a\" is sparse"));
  CHECK(
      contains(error_of(TarWriter().pax("GNU.sparse.major", "1").add("a", "1").bytes()), "sparse"));
  for (const char* record : {"5 a=b\n", "x a=b\n", "99 a=b\n", "6 a=bc", "6 abcd\n", "0 a=b\n",
                             "99999999999999999999 a=b\n"}) {
    CHECK(contains(error_of(TarWriter().add("p", record, 'x').bytes()), "damaged pax record"));
  }
  CHECK(contains(error_of(TarWriter().pax("size", "-1").add("a", "1").bytes()), "pax size"));
  CHECK(contains(error_of(TarWriter().add("L", Bytes((1 << 20) + 1), 'L').bytes()),
                 "bytes of names are too many"));
  Bytes gzip = good;
  gzip[0] = 0x1f;
  gzip[1] = 0x8b;
  CHECK(contains(error_of(gzip), "is compressed by gzip"));
}

TEST_CASE("tar: an archive of a folder is the same data set as the folder") {
  const TempFolder root;
  write_pets(root / "pets");
  write_text(root / "pets/train/cat/.hidden.png", "x");
  TarWriter tar;
  tar.add("pets/", "", '5');
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / "pets")) {
    const std::string name = "pets" + entry.path().string().substr((root / "pets").string().size());
    if (entry.is_regular_file()) tar.add(name, bytes_of(entry.path()));
  }
  write_file(root / "pets.tar", tar.bytes());
  for (const Split split : {Split::kTrain, Split::kVal}) {
    const auto folder = open_dataset(folder_config(root / "pets"), split);
    const auto archive = open_dataset(folder_config(root / "pets.tar"), split);
    REQUIRE(archive->size() == folder->size());
    CHECK(archive->class_names() == folder->class_names());
    Image a, b;
    for (std::int64_t i = 0; i < folder->size(); ++i) {
      CHECK(archive->sample_name(i) == "pets/" + folder->sample_name(i));
      CHECK(archive->label(i) == folder->label(i));
      archive->read(i, a);
      folder->read(i, b);
      CHECK(a.pixels == b.pixels);
    }
  }
  const TarSource source(root / "pets.tar");
  CHECK(contains(message_of<DataError>([&] { source.read("pets/none", 10); }),
                 "holds no \"pets/none\""));
  CHECK(contains(message_of<DataError>([&] { source.read("pets/val/cat/c.png", 10); }),
                 "holds more than 10 bytes"));
  std::filesystem::resize_file(root / "pets.tar", 512);
  CHECK(contains(message_of<DataError>([&] { source.read("pets/val/cat/c.png", 1000); }),
                 "the file has become shorter"));
}

}  // namespace
}  // namespace tessera
