// The arrows between rooms go one way: docs/architecture.md.
#include <doctest/doctest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <string>

#include "tests/support/paths.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

// Rooms of one floor do not see each other.
const std::map<std::string, int> kFloors = {
    {"core", 1},    {"files", 2}, {"distributed", 2}, {"optim", 3}, {"data", 3},   {"layers", 4},
    {"formats", 5}, {"tasks", 6}, {"train", 7},       {"study", 8}, {"report", 9}, {"cli", 10}};

/// What `text`, a file of `room`, may not include, a line each.
std::string wrong_includes(const std::string& room, const std::string& text) {
  static const std::regex kInclude("#include \"([a-z_]+)/[^\"]*\"");
  std::string wrong;
  for (std::sregex_iterator match(text.begin(), text.end(), kInclude), end; match != end; ++match) {
    const auto target = kFloors.find((*match)[1]);
    if (target == kFloors.end() || target->first == room) continue;
    if (target->second >= kFloors.at(room)) wrong += (*match)[0].str() + '\n';
  }
  return wrong;
}

TEST_CASE("rooms: no include goes up or sideways") {
  CHECK(wrong_includes("data", "#include \"core/tensor.h\"\n#include \"data/file.h\"\n").empty());
  CHECK(!wrong_includes("data", "#include \"optim/sgd.h\"\n").empty());
  CHECK(!wrong_includes("layers", "#include \"train/learner.h\"\n").empty());
  std::size_t files = 0;
  for (const auto& [room, floor] : kFloors) {
    if (!fs::exists(test::source(room))) continue;
    for (const auto& entry : fs::recursive_directory_iterator(test::source(room))) {
      if (entry.path().extension() != ".h" && entry.path().extension() != ".cpp") continue;
      ++files;
      const std::string wrong = wrong_includes(room, test::read_text(entry.path()));
      CHECK_MESSAGE(wrong.empty(), entry.path().string() << " includes\n" << wrong);
    }
  }
  CHECK(files > 300);
}

}  // namespace
}  // namespace tessera
