#include "core/atomic_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <set>
#include <utility>
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

TEST_CASE(
    "AtomicFile: a pipe is written if something reads it, and not waited for if nothing does") {
  const ScratchFolder folder;
  const fs::path path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(write_error(path, "text") == "[write] " + path.string() + ": a pipe that nothing reads");
  CHECK(error_of<CheckpointError>([&] { AppendFile file(path); }) ==
        path.string() + ": cannot be opened: a pipe, not a file");

  const Descriptor reader = open_file(path, O_RDONLY | O_NONBLOCK);
  REQUIRE(reader);
  CHECK(write_error(path, "text") == "");
  std::array<char, 8> got{};
  CHECK(::read(reader.get(), got.data(), got.size()) == 4);
  CHECK(std::string(got.data()) == "text");
  CHECK(fs::is_fifo(path));
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

std::set<std::string> all_in(const ScratchFolder& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

TEST_CASE("AtomicFile: what a killed process left is swept, what another is writing is not") {
  const ScratchFolder folder;
  // Killed while it writes x; its number may be that of another process by now.
  const pid_t child = ::fork();
  if (child == 0) {
    AtomicFile file(folder / "x");
    file.write("half");
    ::kill(::getpid(), SIGKILL);
  }
  ::waitpid(child, nullptr, 0);
  const std::string left = ".x.tmp-" + std::to_string(child);
  write_text(folder / (".y.tmp-" + std::to_string(::getpid())), "half");
  write_text(folder / ".profile.tmp-copy", "not ours");
  REQUIRE(all_in(folder).contains(left));
  {
    AtomicFile held(folder / "z");
    sweep_temporary_files(folder.path());
    CHECK(all_in(folder) ==
          std::set<std::string>{".z.tmp-" + std::to_string(::getpid()), ".profile.tmp-copy"});
    held.write("whole");
    held.commit();
  }
  write_text(folder / left, "half");
  CHECK(write_error(folder / "x", "text") == "");  // a new one of the same name is enough
  CHECK(all_in(folder) == std::set<std::string>{"x", "z", ".profile.tmp-copy"});
  CHECK(read_text(folder / "z") == "whole");
}

TEST_CASE("AtomicFile: two at once on one name, the last to commit has it") {
  const ScratchFolder folder;
  AtomicFile first(folder / "x");
  AtomicFile second(folder / "x");
  first.write("first");
  second.write("second");
  second.commit();
  first.commit();
  CHECK(read_text(folder / "x") == "first");
  CHECK(all_in(folder) == std::set<std::string>{"x"});
}

TEST_CASE("AtomicFile: of two that want a name which nothing has the first gets it") {
  const ScratchFolder folder;
  CHECK(write_if_absent(folder / "x", "first"));
  CHECK(!write_if_absent(folder / "x", "second"));
  CHECK(read_text(folder / "x") == "first");
  CHECK(all_in(folder) == std::set<std::string>{"x"});
}

TEST_CASE("AtomicFile: knows the checksum of what it wrote") {
  const ScratchFolder folder;
  AtomicFile file(folder / "x");
  file.write("a");
  file.write("bc");
  CHECK(checksum_text(file.checksum()) == checksum_text(std::string_view("abc")));
}

TEST_CASE("AppendFile: adds to what is there; what does not fit is kept and tried again") {
  const ScratchFolder folder;
  const auto path = folder / "x";
  write_text(path, "old ");
  {
    AppendFile file(path);
    file.append("new");
    CHECK(read_text(path) == "old ");
    CHECK(file.flush());
    CHECK(read_text(path) == "old new");
  }
  // The limit is a soft one: the child may raise it again.
  const std::string error = test::error_in_child({}, [&] {
    AppendFile file(path);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t before = std::exchange(limit.rlim_cur, 10);
    ::setrlimit(RLIMIT_FSIZE, &limit);
    file.append(" and more");
    std::string text = error_of<CheckpointError>([&] { file.sync(); });
    limit.rlim_cur = before;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    file.sync();
    return text;
  });
  CHECK(error == path.string() + ": cannot be written: File too large");
  CHECK(read_text(path) == "old new and more");
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
