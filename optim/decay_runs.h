// Which elements of the flat buffer take part in weight decay, and a parallel loop over them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/parallel.h"
#include "core/parameter.h"

namespace tessera {

/// Elements [begin, end) of the flat buffer, which all decay or all do not.
struct DecayRun {
  std::int64_t begin;
  std::int64_t end;
  bool decay;
};

/// Runs in order, as long as can be, that cover the flat buffer and its padding.
std::vector<DecayRun> decay_runs(const ParameterStore& store);

/// Calls `body(begin, end, decay)` for disjoint ranges covering all runs, in parallel. Ranges begin
/// and end at cache lines, so no line is written by two threads. The body must not throw.
template <typename Body>
void for_each_run(std::span<const DecayRun> runs, Body&& body) {
  constexpr std::int64_t kLine = 16;  // floats
  constexpr std::int64_t kGrain = (1 << 14) / kLine;
  const std::int64_t lines = runs.empty() ? 0 : runs.back().end / kLine;
  parallel_for(lines, kGrain, [&](std::int64_t first, std::int64_t last) {
    for (const DecayRun& run : runs) {
      const std::int64_t begin = std::max(run.begin, first * kLine);
      const std::int64_t end = std::min(run.end, last * kLine);
      if (begin < end) body(begin, end, run.decay);
    }
  });
}

}  // namespace tessera
