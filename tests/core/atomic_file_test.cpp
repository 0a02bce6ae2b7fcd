#include "core/atomic_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/subprocess.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::read_text;
using test::ScratchFolder;
using test::write_text;

std::string write_error(const fs::path& path, std::string_view text) {
  return error_of<CheckpointError>([&] {
    AtomicFile file(path);
    file.write(text);
    file.commit();
  });
}

TEST_CASE("AtomicFile: the old file stays until commit, and nothing else remains after it") {
  const ScratchFolder folder;
  const auto path = folder / "x";
  write_text(path, "old");
  {
    AtomicFile file(path);
    file.write("new");
    CHECK(read_text(path) == "old");
    file.write(" text");
    file.commit();
  }
  CHECK(read_text(path) == "new text");
  { AtomicFile(path).write("never committed"); }
  CHECK(read_text(path) == "new text");
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("AtomicFile: a name relative to the current folder") {
  const ScratchFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());
  const std::string error = write_error("x", "text");
  fs::current_path(before);
  CHECK(error == "");
  CHECK(read_text(folder / "x") == "text");
}

TEST_CASE("AtomicFile: writes through a symbolic link, also one that leads nowhere yet") {
  const ScratchFolder folder;
  fs::create_directory(folder / "there");
  fs::create_symlink("there/x", folder / "link");
  for (const char* text : {"first", "second"}) {
    CHECK(write_error(folder / "link", text) == "");
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(read_text(folder / "there/x") == text);
  }
}

TEST_CASE("AtomicFile: a device is written, never replaced") {
  CHECK(write_error("/dev/null", "text") == "");
  CHECK(fs::is_character_file("/dev/null"));
  CHECK(write_error("/dev/full", "text") == "[write] /dev/full: No space left on device");
  CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("AtomicFile: a missing or unwritable folder says so") {
  const ScratchFolder folder;
  write_text(folder / "file", "");
  CHECK(write_error(folder / "none/x", "").find("none/x: No such file") != std::string::npos);
  CHECK(write_error(folder / "file/x", "").find("Not a directory") != std::string::npos);
  fs::create_directory(folder / "target");
  CHECK(write_error(folder / "target", "").find("Is a directory") != std::string::npos);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 2);
}

TEST_CASE("exchange_paths and replace_symlink: both names are there at every moment") {
  const ScratchFolder folder;
  for (const char* name : {"a", "b"}) {
    fs::create_directory(folder / name);
    write_text(folder / name / "x", name);
  }
  replace_symlink("a", folder / "link", folder / "temporary");
  std::atomic<bool> done = false;
  std::atomic<int> gone = 0;
  std::thread watcher([&] {
    while (!done) gone += !fs::exists(folder / "b/x") + !fs::exists(folder / "link/x");
  });
  for (int i = 0; i < 2001; ++i) {
    exchange_paths(folder / "a", folder / "b");
    replace_symlink(i % 2 == 0 ? "b" : "a", folder / "link", folder / "temporary");
  }
  done = true;
  watcher.join();
  CHECK(gone == 0);
  CHECK(read_text(folder / "b/x") == "a");
  CHECK(fs::read_symlink(folder / "link") == "b");
  CHECK(!fs::exists(fs::symlink_status(folder / "temporary")));
}

TEST_CASE("AtomicFile: a disk that is full leaves the old file and no temporary") {
  const ScratchFolder folder;
  const auto path = folder / "x";
  write_text(path, "old");
  const std::vector<char> large(1 << 16, 'x');
  const std::string error = test::error_in_child({.file_bytes = 1 << 12}, [&] {
    return write_error(path, {large.data(), large.size()});
  });
  CHECK(error == "[write] " + path.string() + ": File too large");
  CHECK(read_text(path) == "old");
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

}  // namespace
}  // namespace tessera
