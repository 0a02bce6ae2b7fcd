// Programs that mpirun starts, and what they have in common with one alone.
#pragma once

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/program/run_folder.h"

#ifdef TESSERA_MPIRUN

namespace tessera::test {

inline std::vector<std::string> mpirun(int ranks) {
  std::vector<std::string> command = {TESSERA_MPIRUN, "--oversubscribe", "--allow-run-as-root",
                                      "-n", std::to_string(ranks)};
#if defined(__SANITIZE_ADDRESS__)  // OpenMPI leaves what it has at its end to the system
  command.insert(command.end(), {"-x", "ASAN_OPTIONS=detect_leaks=0"});
#endif
  return command;
}

/// Whether the launcher can start two processes here, which it cannot in every container; what
/// needs it is left out then.
inline bool has_ranks() {
  static const bool starts = [] {
    const std::string command = std::string("timeout -k 1 60 ") + TESSERA_MPIRUN +
                                " --oversubscribe --allow-run-as-root -n 2 true </dev/null "
                                ">/dev/null 2>&1";
    return std::system(command.c_str()) == 0;
  }();
  if (!starts) MESSAGE("left out: " TESSERA_MPIRUN " starts no two processes here");
  return starts;
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

/// All that an evaluation finds out, to the bit.
inline void check_same_evaluation(const std::filesystem::path& a, const std::filesystem::path& b) {
  const auto last = [](const std::filesystem::path& run) {
    nlohmann::json found;
    const nlohmann::json record = lines_of(run / "metrics.jsonl").back();
    for (const auto& [name, value] : record.items()) {
      if (name.starts_with("val/")) found[name] = value;
    }
    return found;
  };
  CHECK(last(a).size() >= 4);
  CHECK(last(a) == last(b));
}

}  // namespace tessera::test

#endif
