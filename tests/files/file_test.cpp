// Files that are none, and names that no terminal should see.
#include "files/file.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>

#include "core/text.h"
#include "data/open_dataset.h"
#include "files/folder_source.h"
#include "files/tar_source.h"
#include "tests/data/image_tree.h"
#include "tests/files/tar_writer.h"

namespace tessera {
namespace {

using namespace testing;
namespace fs = std::filesystem;
using Names = std::vector<std::string>;

std::string read_error(const fs::path& path) {
  return message_of<DataError>([&] { read_file(path, 1000); });
}

TEST_CASE("file: what is no regular file is refused at once") {
  const TempFolder root;
  const fs::path pipe = root / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);  // without a writer: to open it would wait for ever
  CHECK(contains(read_error(pipe), "pipe: is a pipe, expected a regular file"));
  CHECK(contains(read_error("/dev/zero"), "/dev/zero: is a device, expected a regular file"));
  CHECK(contains(read_error(root.path()), ": is a folder, expected a regular file"));
  const fs::path socket = root / "s";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(socket.string().size() < sizeof address.sun_path);
  std::copy_n(socket.c_str(), socket.string().size() + 1, address.sun_path);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  REQUIRE(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  CHECK(contains(read_error(socket), "s: is a socket, expected a regular file"));
  ::close(listener);
  CHECK(contains(message_of<DataError>([&] { open_files(pipe.string()); }), "is a pipe"));
  CHECK(contains(read_error(root / "none"), "none: No such file or directory"));
}

TEST_CASE("file: plain and packed, and what is broken in a packed one") {
  const TempFolder root;
  const Bytes bytes = {1, 2, 3};
  write_file(root / "plain", bytes);
  write_gzip(root / "packed.gz", bytes);
  CHECK(read_file(root / "plain", 3) == bytes);
  CHECK(read_file(root / "packed.gz", 3) == bytes);
  CHECK(contains(read_error(root / "plain"), "nothing thrown"));
  CHECK(
      contains(message_of<DataError>([&] { read_file(root / "plain", 2); }), "more than 2 bytes"));
  Bytes cut = bytes_of(root / "packed.gz");
  cut.resize(cut.size() - 9);
  write_file(root / "cut.gz", cut);
  CHECK(contains(read_error(root / "cut.gz"), "cut.gz: broken gzip: unexpected end of file"));
}

TEST_CASE("folder: what is left out is named") {
  const TempFolder root;
  write_text(root / "a/x.png", "1");
  write_text(root / "a/.hidden/y.png", "2");
  write_text(root / "a/@eaDir/x.png/t.jpg", "3");
  write_text(root / "a/Thumbs.db", "4");
  write_text(root / "lost+found/z", "5");
  fs::create_symlink("/no/such/file", root / "a/gone.png");
  fs::create_symlink(root / "a/x.png", root / "a/link.png");
  REQUIRE(::mkfifo((root / "a/pipe.png").c_str(), 0600) == 0);
  const FolderSource source(root.string());
  const Listing listing = source.list("");
  CHECK(listing.files == Names{"a/link.png", "a/x.png"});
  std::vector<std::string> found;
  for (const LeftOut& entry : listing.left_out) {
    found.push_back(fmt::format("{} {}", entry.path, static_cast<int>(entry.reason)));
  }
  CHECK(found == Names{"a/.hidden 0", "a/@eaDir 1", "a/Thumbs.db 1", "a/gone.png 2", "a/pipe.png 3",
                       "lost+found 1"});
  CHECK(source.folders("") == Names{"a"});
}

TEST_CASE(
    "tar: headers are read once for all that have an archive open, anew when it has changed") {
  const TempFolder root;
  const fs::path path = root / "t.tar";
  write_file(path, TarWriter().add("a/1.png", "one").add("b/2.png", "two").bytes());
  const fs::file_time_type time = fs::last_write_time(path);
  auto first = open_files(path.string());
  // Headers that could not be read again, behind the back of the system.
  Bytes bytes = bytes_of(path);
  std::fill_n(bytes.begin(), 100, std::uint8_t{7});
  write_file(path, bytes);
  fs::last_write_time(path, time);
  {
    const auto second = open_files(path.string());
    CHECK(second->files("") == Names{"a/1.png", "b/2.png"});
    CHECK(second->read("b/2.png", 10) == Bytes{'t', 'w', 'o'});
    first = nullptr;
    CHECK(open_files(path.string())->has_folder("a"));
  }
  CHECK(contains(message_of<DataError>([&] { open_files(path.string()); }), "checksum"));
  write_file(path, TarWriter().add("c/3.png", "three").bytes());
  first = open_files(path.string());
  write_file(path, TarWriter().add("d/4.png", "four").add("d/5.png", "five").bytes());
  CHECK(open_files(path.string())->files("") == Names{"d/4.png", "d/5.png"});
}

TEST_CASE("tar: what is left out is named as in a folder") {
  const TempFolder root;
  write_file(root / "t.tar", TarWriter()
                                 .add("a/x.png", "1")
                                 .add("a/.hidden/y.png", "2")
                                 .add("a/.hidden/z.png", "2")
                                 .add("__MACOSX/a/._x.png", "3")
                                 .bytes());
  const TarSource source((root / "t.tar").string());
  CHECK(source.files("") == Names{"a/x.png"});
  CHECK(source.folders("") == Names{"a"});
  Names left_out;
  for (const LeftOut& entry : source.list("").left_out) left_out.push_back(entry.path);
  CHECK(left_out == Names{"__MACOSX", "a/.hidden"});
}

TEST_CASE("folder: one that may not be read is an error that names it") {
  if (::geteuid() == 0) return;  // root may read all
  const TempFolder root;
  write_pets(root.path());
  fs::permissions(root / "train/cat", fs::perms::none);
  CHECK(contains(
      message_of<DataError>([&] { open_dataset(folder_config(root.path()), Split::kTrain); }),
      "train/cat: Permission denied"));
  fs::permissions(root / "train/cat", fs::perms::owner_all);
}

TEST_CASE("file: names of any bytes and length come as one short printable line") {
  const TempFolder root;
  const std::string wild = "\x1b]0;owned\x07\x1b[31m\xff\n";
  Names messages = {read_error(root / wild)};
  write_text(root / "folder/train/a" / wild, "no image");
  write_text(root / "folder/train/a/b.png", "no image");
  fs::rename(root / "folder/train/a" / wild, root.path() / "folder/train/a" / (wild + ".png"));
  const auto dataset = open_dataset(folder_config(root / "folder"), Split::kTrain);
  Image buffer;
  messages.push_back(message_of<DataError>([&] { dataset->read(0, buffer); }));
  for (const std::string& name : {wild, std::string(70'000, 'a')}) {
    TarWriter tar;
    tar.add("././@LongLink", name, 'L').add("x", "1").add("././@LongLink", name + "!", 'K');
    tar.add("link", Bytes{}, '2', "y");
    write_file(root / "t.tar", tar.bytes());
    messages.push_back(message_of<DataError>([&] { open_files((root / "t.tar").string()); }));
    write_text(root / "list.csv", "path,label\n\"" + name + ".png\",x\n");
    DataConfig config = folder_config(root / "folder");
    config.train_list = root / "list.csv";
    messages.push_back(message_of<DataError>([&] { open_dataset(config, Split::kTrain); }));
    write_text(root / "list.csv", "\"" + name + "\",\"" + name + "\"\n");
    messages.push_back(message_of<DataError>([&] { open_dataset(config, Split::kTrain); }));
    write_text(root / "list.csv", "path,label\nfolder/train/a/b.png,\"" + name + "\"\n");
    config.root = root.string();
    config.classes = {"a"};
    messages.push_back(message_of<DataError>([&] { open_dataset(config, Split::kTrain); }));
  }
  for (const std::string& message : messages) {
    CAPTURE(message);
    CHECK(message != "nothing thrown");
    CHECK(is_printable(message));
    CHECK(message.size() < 1000);
  }
}

}  // namespace
}  // namespace tessera
