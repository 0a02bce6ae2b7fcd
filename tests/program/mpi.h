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

/// The largest difference of a figure in the records of two runs, which have it equally often;
/// of training by update.
inline double apart(const std::filesystem::path& a, const std::filesystem::path& b,
                    const std::string& figure) {
  const auto values = [&](const std::filesystem::path& run) {
    std::vector<double> found;
    for (const auto& line : lines_of(run / "metrics.jsonl")) {
      if (!figure.starts_with("val/") && !line.contains("grad_norm")) continue;
      if (line.contains(figure)) found.push_back(line[figure].template get<double>());
    }
    return found;
  };
  const std::vector<double> one = values(a), other = values(b);
  REQUIRE(one.size() == other.size());
  REQUIRE_FALSE(one.empty());
  double worst = 0.0;
  for (std::size_t i = 0; i < one.size(); ++i) worst = std::max(worst, std::abs(one[i] - other[i]));
  return worst;
}

}  // namespace tessera::test

#endif
