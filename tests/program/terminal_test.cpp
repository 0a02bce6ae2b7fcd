// What a run shows on a terminal.
#include "tests/program/terminal.h"

#include <pty.h>

#include <array>

#include "tests/program/program.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

constexpr std::string_view kErase = "\r\x1b[K";

/// Everything that the program writes to a terminal so many columns wide.
std::string terminal_output(std::vector<std::string> arguments, unsigned short columns,
                            const char* terminal) {
  arguments.insert(arguments.begin(), test::program());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const winsize size{.ws_row = 24, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
  int master = -1;
  const pid_t child = ::forkpty(&master, nullptr, nullptr, &size);
  if (child == 0) {
    ::setenv("TERM", terminal, 1);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  std::string output;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(master, buffer, sizeof(buffer))) > 0;) {
    output.append(buffer, static_cast<std::size_t>(got));
  }
  ::close(master);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
  return output;
}

/// The lines that overwrote each other, without what was written over the last of them.
std::vector<std::string> status_lines(const std::string& output) {
  std::vector<std::string> lines;
  for (std::size_t at = output.find(kErase); at != std::string::npos;) {
    const std::size_t begin = at + kErase.size();
    at = output.find(kErase, begin);
    const std::string line = output.substr(begin, at - begin);
    if (at != std::string::npos && !line.empty()) lines.push_back(line);
  }
  return lines;
}

/// Characters, of one column each.
std::int64_t width_of(const std::string& line) {
  return std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xc0) != 0x80; });
}

std::vector<std::string> arguments_in(const test::ScratchFolder& folder) {
  test::write_text(folder / "tiny.yaml", test::kTinyConfig);
  return {"train", folder / "tiny.yaml", "--out", folder / "run"};
}

TEST_CASE("the progress line fits the terminal, with a bar where there is room" *
          doctest::skip(!test::has_terminals())) {
  for (const unsigned short columns : std::array<unsigned short, 4>{30, 60, 80, 200}) {
    CAPTURE(columns);
    const test::ScratchFolder folder;
    const std::string output = terminal_output(arguments_in(folder), columns, "xterm");
    int progress = 0;
    for (const std::string& line : status_lines(output)) {
      if (line.find("\r\n") != std::string::npos) continue;  // printed for good after an erase
      CAPTURE(line);
      CHECK(width_of(line) < columns);
      if (line.find("step ") == std::string::npos) continue;
      ++progress;
      CHECK((line.find("█") != std::string::npos || line.find("░") != std::string::npos) ==
            (columns >= 80));
    }
    CHECK(progress > 0);
  }
}

TEST_CASE("nothing is overwritten on a terminal that cannot" *
          doctest::skip(!test::has_terminals())) {
  const test::ScratchFolder folder;
  const std::string output = terminal_output(arguments_in(folder), 80, "dumb");
  CHECK(output.find('\x1b') == std::string::npos);
  CHECK(output.find("epoch 4/4") != std::string::npos);
}

}  // namespace
}  // namespace tessera
