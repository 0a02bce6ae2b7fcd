// What the documentation says of the program is what the program says of itself.
#include <sstream>

#include "tests/program/program.h"
#include "tests/support/paths.h"

namespace tessera {
namespace {

TEST_CASE("docs/configuration.md is what tessera config prints") {
  const test::Outcome outcome = test::tessera({"config"});
  CHECK(outcome.code == 0);
  const bool up_to_date = test::read_text(test::source("docs/configuration.md")) == outcome.out;
  CHECK_MESSAGE(up_to_date, "to bring it up to date: tessera config > docs/configuration.md");
}

TEST_CASE("the README names every command") {
  const std::string readme = test::read_text(test::source("README.md"));
  const std::string help = test::tessera({"--help"}).out;
  std::istringstream lines(help.substr(help.find("Subcommands:")));
  std::string line;
  std::getline(lines, line);
  int commands = 0;
  for (std::string name; std::getline(lines, line) && std::istringstream(line) >> name;) {
    if (line.starts_with("   ")) continue;  // a description goes on
    CAPTURE(name);
    CHECK(readme.find("`tessera " + name) != std::string::npos);
    ++commands;
  }
  CHECK(commands >= 8);
}

/// Every block of code that opens with ```cpp PATH stands in the file PATH.
int check_code_of(const std::string& page) {
  int blocks = 0;
  const std::string text = test::read_text(test::source("docs/") + page);
  const std::string open = "```cpp ";
  for (std::size_t at = text.find(open); at != std::string::npos; at = text.find(open, at)) {
    const std::size_t begin = text.find('\n', at) + 1;
    const std::string path = text.substr(at + open.size(), begin - 1 - at - open.size());
    at = text.find("```", begin);
    const std::string file = test::read_text(test::source("") + path);
    const std::string code = text.substr(begin, at - begin);
    CHECK_MESSAGE(file.find(code) != std::string::npos, "docs/", page,
                  " shows code that is not in ", path, " any more:\n", code);
    ++blocks;
  }
  return blocks;
}

TEST_CASE("the code that the documentation shows is that of the tree") {
  CHECK(check_code_of("adding_an_op.md") >= 5);
  CHECK(check_code_of("adding_a_layer.md") >= 3);
  CHECK(check_code_of("adding_a_task.md") >= 3);
}

}  // namespace
}  // namespace tessera
