// The folder of a study, when several want it at once.
#include "study/study_folder.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "tests/support/scratch_folder.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::ScratchFolder;

/// Forks a process that takes `folder` for the study `name` and leaves what came of it in `result`.
pid_t take(const fs::path& folder, const std::string& name, const fs::path& result) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  const std::string error = error_of<Error>([&] { StudyFolder(folder, name); });
  test::write_text(result, error.empty() ? "took it" : error);
  ::_exit(0);
}

TEST_CASE("study folder: of many that begin at once all find the one study, or say whose it is") {
  const ScratchFolder scratch;
  for (int round = 0; round < 25; ++round) {
    const fs::path folder = scratch / ("study" + std::to_string(round));
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i) {
      children.push_back(
          take(folder, i % 2 == 0 ? "a" : "b", scratch / ("result" + std::to_string(i))));
    }
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    std::set<std::string> owners;
    for (int i = 0; i < 8; ++i) {
      const std::string own = i % 2 == 0 ? "a" : "b";
      const std::string other = i % 2 == 0 ? "b" : "a";
      const std::string result = test::read_text(scratch / ("result" + std::to_string(i)));
      if (result == "took it") {
        owners.insert(own);
      } else {
        CHECK(result == folder.string() + ": holds the study " + other + ", not " + own +
                            "; choose another folder with --out");
      }
    }
    CHECK(owners.size() == 1);
    CHECK(std::distance(fs::directory_iterator(folder), {}) == 2);  // study.json and cells
  }
}

TEST_CASE("study folder: what is no study's is left alone") {
  const ScratchFolder scratch;
  test::write_text(scratch / "mine", "text");
  CHECK(error_of<ConfigError>([&] {
          StudyFolder(scratch.path(), "a");
        }).find("is not empty and no study's folder") != std::string::npos);
  CHECK(std::distance(fs::directory_iterator(scratch.path()), {}) == 1);
}

}  // namespace
}  // namespace tessera
