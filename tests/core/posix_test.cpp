#include "core/posix.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error.h"
#include "tests/support/scratch_folder.h"
#include "tests/support/subprocess.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::ScratchFolder;
using test::write_text;

TEST_CASE("posix: a call that a signal interrupts is made again, one that fails is not") {
  int calls = 0;
  const auto interrupted_twice = [&] {
    errno = EINTR;
    return ++calls < 3 ? -1 : 7;
  };
  CHECK(uninterrupted(interrupted_twice) == 7);
  CHECK(calls == 3);
  calls = 0;
  const auto failing = [&] {
    ++calls;
    errno = ENOSPC;
    return -1;
  };
  CHECK(uninterrupted(failing) == -1);
  CHECK(calls == 1);
  calls = 0;
  std::error_code error;
  uninterrupted(error, [&](std::error_code& e) {
    if (++calls < 3) e = std::make_error_code(std::errc::interrupted);
  });
  CHECK(!error);
  CHECK(calls == 3);
}

TEST_CASE("posix: what is not there is nothing, what cannot be read is an error") {
  const ScratchFolder folder;
  write_text(folder / "x", "0123456789");
  CHECK(read_if_there(folder / "x") == "0123456789");
  CHECK(read_if_there(folder / "x", 7) == "789");
  CHECK(read_if_there(folder / "none") == std::nullopt);
  CHECK(read_if_there(folder / "x" / "below") == std::nullopt);
  CHECK(!is_there(folder / "none"));
  CHECK(error_of<CheckpointError>([&] { read_if_there(folder.path()); }) ==
        "[read] " + folder.path().string() + ": Is a directory");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const auto& read : {+[](const fs::path& path) { read_if_there(path); },
                           +[](const fs::path& path) { read_text_file(path); }}) {
    CHECK(error_of<CheckpointError>([&] { read(folder / "pipe"); }) ==
          "[read] " + (folder / "pipe").string() + ": not a regular file");
  }
  fs::create_directory(folder / "shut");
  write_text(folder / "shut" / "x", "hidden");
  ::chmod(folder.path().c_str(), 0755);
  ::chmod((folder / "shut").c_str(), 0);
  const std::string error = test::error_in_child({.unprivileged = true}, [&] {
    return error_of<CheckpointError>([&] { read_if_there(folder / "shut" / "x"); }) + "\n" +
           error_of<CheckpointError>([&] { is_there(folder / "shut" / "x"); });
  });
  ::chmod((folder / "shut").c_str(), 0755);
  CHECK(error.find("[read] ") == 0);
  CHECK(error.find("[look] ") != std::string::npos);
  CHECK(error.find("Permission denied") != std::string::npos);
}

TEST_CASE("posix: standard descriptors that a program was started without are /dev/null") {
  const std::string text = test::error_in_child({}, [] {
    for (const int descriptor : {0, 1, 2}) ::close(descriptor);
    open_standard_descriptors();
    std::string names;
    for (const char* link : {"/proc/self/fd/0", "/proc/self/fd/1", "/proc/self/fd/2"}) {
      names += fs::read_symlink(link).string() + " ";
    }
    write_error_text("nobody reads this");
    return names;
  });
  CHECK(text == "/dev/null /dev/null /dev/null ");
}

TEST_CASE("posix: text for a full standard error is lost and nothing else happens") {
  const std::string text = test::error_in_child({}, [] {
    ::dup2(::open("/dev/full", O_WRONLY), STDERR_FILENO);
    write_error_text("lost");
    return std::string("went on");
  });
  CHECK(text == "went on");
}

}  // namespace
}  // namespace tessera
