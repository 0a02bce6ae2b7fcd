// Programs that mpirun starts, and what they have in common with one alone.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "tests/program/run_folder.h"

#ifdef TESSERA_MPIRUN

namespace tessera::test {

inline std::vector<std::string> mpirun(int ranks) {
  return {TESSERA_MPIRUN, "--oversubscribe",    "--allow-run-as-root", "--quiet",
          "-n",           std::to_string(ranks)};
}

/// The largest difference of a figure in two runs, of those that both have.
inline double apart(const std::filesystem::path& a, const std::filesystem::path& b,
                    const std::string& figure) {
  const auto one = lines_of(a / "metrics.jsonl"), other = lines_of(b / "metrics.jsonl");
  REQUIRE(one.size() == other.size());
  double worst = 0.0;
  int compared = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    REQUIRE(one[i].contains(figure) == other[i].contains(figure));
    if (!one[i].contains(figure)) continue;
    ++compared;
    worst =
        std::max(worst, std::abs(one[i][figure].get<double>() - other[i][figure].get<double>()));
  }
  REQUIRE(compared > 0);
  return worst;
}

}  // namespace tessera::test

#endif
