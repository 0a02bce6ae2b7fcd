#include "data/photos/photo_stream.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "tests/data/image_tree.h"
#include "tests/files/tar_writer.h"

namespace tessera {
namespace {

using testing::contains;
using testing::TempFolder;
using testing::write_picture;
using testing::write_text;

/// Standard input is the end of a pipe while this lives.
class InputPipe {
 public:
  InputPipe() : before_(::dup(STDIN_FILENO)) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    write_end_ = ends[1];
  }
  ~InputPipe() {
    close();
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  void write(std::string_view text) const {
    REQUIRE(::write(write_end_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  void close() {
    if (write_end_ >= 0) ::close(write_end_);
    write_end_ = -1;
  }

 private:
  int before_;
  int write_end_ = -1;
};

/// The red of picture(n) tells its number.
void number_of(Photo& photo) {
  photo.input = Tensor::full({1}, static_cast<float>(photo.image.pixels.front()) / 10.0f);
}

std::vector<Photo> all_of(PhotoStream& stream, std::size_t most = 4) {
  std::vector<Photo> photos;
  for (std::vector<Photo> some; !(some = stream.next(most)).empty();) {
    CHECK(some.size() <= most);
    std::move(some.begin(), some.end(), std::back_inserter(photos));
  }
  return photos;
}

std::vector<std::string> names_of(const std::vector<std::string>& given,
                                  const std::vector<std::string>& lists = {}) {
  PhotoInputs inputs(given, lists);
  std::vector<std::string> names;
  for (PhotoFile file; inputs.next(file) == PhotoInputs::State::kPhoto;) names.push_back(file.name);
  return names;
}

TEST_CASE("photos come in the order in which they are given, whoever decodes them") {
  const TempFolder folder;
  std::vector<std::string> given;
  for (int i = 0; i < 25; ++i) {
    given.push_back(folder / fmt::format("p{}.png", i));
    write_picture(given.back(), i, i % 2 == 0 ? 100 : 4, 40);
  }
  for (const int workers : {1, 2, 5}) {
    PhotoInputs inputs(given, {});
    CHECK(inputs.total() == 25);
    PhotoStream stream(inputs, {.workers = workers, .ahead = 6}, number_of);
    const std::vector<Photo> photos = all_of(stream);
    REQUIRE(photos.size() == 25);
    for (std::size_t i = 0; i < 25; ++i) {
      CHECK(photos[i].file.name == given[i]);
      CHECK(photos[i].input.f32()[0] == static_cast<float>(i));
    }
  }
}

TEST_CASE("a photo that cannot be read is a problem of its own") {
  const TempFolder folder;
  write_picture(folder / "a.png", 1);
  write_text(folder / "b.png", "no picture");
  const std::string a = folder / "a.png", b = folder / "b.png", none = folder / "none.png";
  PhotoInputs inputs({a, b, none, a}, {folder / "none.txt"});
  PhotoStream stream(inputs, {.workers = 2}, number_of);
  const std::vector<Photo> photos = all_of(stream);
  REQUIRE(photos.size() == 5);
  CHECK(photos[0].problem.empty());
  CHECK(contains(photos[1].problem, "b.png: is no image"));
  CHECK(contains(photos[2].problem, "none.png"));
  CHECK(photos[3].problem.empty());
  CHECK(contains(photos[4].problem, "none.txt"));
}

TEST_CASE("what preparing throws ends the stream, unless it is about the photo") {
  const TempFolder folder;
  write_picture(folder / "a.png", 1);
  PhotoInputs inputs(std::vector<std::string>(50, folder / "a.png"), {});
  PhotoStream stream(inputs, {.workers = 3, .ahead = 8},
                     [](Photo&) { fail<ConfigError>("two means for three channels"); });
  CHECK(contains(testing::message_of<ConfigError>([&] { all_of(stream); }), "two means"));
}

TEST_CASE("a stream that nobody empties ends with its owner") {
  const TempFolder folder;
  write_picture(folder / "a.png", 1);
  PhotoInputs inputs(std::vector<std::string>(500, folder / "a.png"), {});
  PhotoStream stream(inputs, {.workers = 2, .ahead = 8}, number_of);
  CHECK(stream.next(3).size() == 3);
}

TEST_CASE("folders and archives give their images, sorted, and tell what they leave out") {
  const TempFolder folder;
  write_picture(folder / "photos/b.JPG", 1);
  write_picture(folder / "photos/deep/a.png", 2);
  write_picture(folder / "photos/@eaDir/x.png", 2);
  write_text(folder / "photos/notes.txt", "");
  write_text(folder / "photos/c.heic", "");
  const std::string root = folder / "photos";
  PhotoInputs inputs({root + "/"}, {});
  CHECK(inputs.total() == 2);
  const std::vector<std::string> notes = inputs.take_notes();
  REQUIRE(notes.size() == 3);
  CHECK(contains(notes[0], "1 image is of a format that is not read"));
  CHECK(contains(notes[1], "notes.txt"));
  CHECK(contains(notes[2], "@eaDir"));
  CHECK(names_of({root + "/"}) == std::vector{root + "/b.JPG", root + "/deep/a.png"});

  const testing::Bytes picture = testing::bytes_of(folder / "photos/deep/a.png");
  const std::string tar = folder / "all.tar";
  testing::write_file(tar,
                      testing::TarWriter().add("z/a.png", picture).add("b.png", picture).bytes());
  PhotoInputs archive({tar}, {});
  PhotoStream stream(archive, {.workers = 2}, number_of);
  const std::vector<Photo> photos = all_of(stream);
  REQUIRE(photos.size() == 2);
  CHECK(photos[0].file.name == tar + "/b.png");
  CHECK(photos[1].input.f32()[0] == 2.0f);

  write_text(folder / "empty/read.me", "");
  PhotoInputs empty({folder / "empty", root + "/*.png", folder / "cut.tar"}, {});
  write_text(folder / "cut.tar", "this is no archive");
  PhotoStream none(empty, {}, number_of);
  const std::vector<Photo> problems = all_of(none);
  REQUIRE(problems.size() == 3);
  CHECK(contains(problems[0].problem, "holds no image that is read"));
  CHECK(contains(problems[1].problem, "no file is named so"));
  CHECK(contains(problems[2].problem, "cut.tar"));
}

TEST_CASE("patterns that no shell has replaced, and files whose names look like one") {
  const TempFolder folder;
  for (const char* name : {"a1.png", "a2.png", "b1.png", "[c].png"}) {
    write_picture(folder / name, 1);
  }
  const std::string root = folder.string();
  CHECK(names_of({root + "/a*.png"}) == std::vector{root + "/a1.png", root + "/a2.png"});
  CHECK(names_of({root + "/?1.png"}) == std::vector{root + "/a1.png", root + "/b1.png"});
  CHECK(names_of({root + "/[c].png"}) == std::vector{root + "/[c].png"});
}

TEST_CASE("a list names photos from here or from beside it") {
  const TempFolder folder;
  write_picture(folder / "lists/a.png", 1);
  write_picture(folder / "lists/deep/b.png", 1);
  const std::string root = folder / "lists";
  write_text(root + "/list.txt", "a.png\r\n\r\n" + root + "/a.png\r\ndeep\nnone.png");
  CHECK(
      names_of({}, {root + "/list.txt"}) ==
      std::vector<std::string>{root + "/a.png", root + "/a.png", root + "/deep/b.png", "none.png"});
  PhotoInputs image({}, {root + "/a.png"});
  PhotoFile file;
  REQUIRE(image.next(file) == PhotoInputs::State::kPhoto);
  CHECK(contains(file.problem, "a.png: is an image; a list has"));
}

TEST_CASE("lines of names end as on any system, or with zero bytes") {
  const auto names = [](std::initializer_list<std::string_view> parts) {
    NameLines lines;
    std::vector<std::string> found;
    for (const std::string_view part : parts) lines.add(part, found);
    lines.finish(found);
    return found;
  };
  CHECK(names({"a\nb b\r\n\nc"}) == std::vector<std::string>{"a", "b b", "c"});
  CHECK(names({"a", "b", "\nc", "\r\n"}) == std::vector<std::string>{"ab", "c"});
  CHECK(names({std::string_view("a\nb\0c\0", 6)}) == std::vector<std::string>{"a", {"b\0c\0", 4}});
  CHECK(names({std::string_view("a\0b\nb\0c", 7)}) == std::vector<std::string>{"a", "b\nb", "c"});
}

TEST_CASE("standard input: photos go on as soon as nobody names more for now") {
  const TempFolder folder;
  write_picture(folder / "a.png", 3);
  InputPipe pipe;
  PhotoInputs inputs({"-"}, {});
  PhotoStream stream(inputs, {.workers = 2}, number_of);
  const std::string line = (folder / "a.png").string() + "\n";
  pipe.write(line + line + line.substr(0, 3));
  std::vector<Photo> photos = stream.next(32);
  while (photos.size() < 2) {
    CHECK(photos.size() == 1);
    photos.push_back(std::move(stream.next(1).front()));
  }
  CHECK(stream.total() == -1);
  CHECK(photos[1].input.f32()[0] == 3.0f);
  pipe.write(line.substr(3));
  CHECK(stream.next(32).size() == 1);
  pipe.close();
  CHECK(stream.next(32).empty());
  CHECK(stream.total() == 3);
}

TEST_CASE("standard input may be an image itself, in whatever pieces it comes") {
  const TempFolder folder;
  write_picture(folder / "a.png", 7);
  const testing::Bytes bytes = testing::bytes_of(folder / "a.png");
  InputPipe pipe;
  PhotoInputs inputs({}, {"-"});
  PhotoStream stream(inputs, {}, number_of);
  for (const std::uint8_t byte : bytes) pipe.write({reinterpret_cast<const char*>(&byte), 1});
  pipe.close();
  const std::vector<Photo> photos = all_of(stream);
  REQUIRE(photos.size() == 1);
  CHECK(photos[0].problem.empty());
  CHECK(photos[0].file.name == "standard input");
  CHECK(photos[0].input.f32()[0] == 7.0f);
}

TEST_CASE("an owner that goes does not wait for standard input") {
  const InputPipe pipe;
  PhotoInputs inputs({"-"}, {});
  const PhotoStream stream(inputs, {.workers = 2}, number_of);
}

}  // namespace
}  // namespace tessera
