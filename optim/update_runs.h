// How the elements of the flat buffer differ in their updates, a parallel loop over them, and
// parameters that training leaves as they are.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "core/parameter.h"

namespace tessera {

/// Elements [begin, end) of the flat buffer, which are all updated alike.
struct UpdateRun {
  std::int64_t begin;
  std::int64_t end;
  bool decay;       ///< takes part in weight decay
  double lr_scale;  ///< of the learning rate; 0: frozen
};

/// Runs in order, as long as can be, that cover the flat buffer and its padding. The learning rate
/// of a parameter is scaled by layer_decay^(L + 1 - l), as for BEiT (arXiv:2106.08254) and SimMIM
/// (arXiv:2111.09886, its code), where l is its depth: 0 for what comes before the blocks, 1 to L
/// for the blocks, a merging with the block before it, and L + 1 for final norms and the head.
std::vector<UpdateRun> update_runs(const ParameterStore& store, double layer_decay = 1.0);

/// The same with the parameters that `left_out` picks as if they were frozen.
std::vector<UpdateRun> update_runs(const ParameterStore& store, double layer_decay,
                                   bool (*left_out)(const Parameter& parameter));

/// What of `runs` lies in `parts`, both in order.
std::vector<UpdateRun> runs_within(std::span<const UpdateRun> runs,
                                   std::span<const ElementRange> parts);

/// The lr_scale of each entry of `store`.
std::vector<double> lr_scales(const ParameterStore& store, double layer_decay);

/// Calls `body(begin, end, run)` for disjoint ranges covering all runs that are not frozen, in
/// parallel. Ranges of two threads meet at cache lines, so no line is written by both. The body
/// must not throw.
template <typename Body>
void for_each_run(std::span<const UpdateRun> runs, Body&& body) {
  constexpr std::int64_t kLine = 16;  // floats
  constexpr std::int64_t kGrain = (1 << 14) / kLine;
  const std::int64_t lines = runs.empty() ? 0 : runs.back().end / kLine;
  parallel_for(lines, kGrain, [&](std::int64_t first, std::int64_t last) {
    for (const UpdateRun& run : runs) {
      const std::int64_t begin = std::max(run.begin, first * kLine);
      const std::int64_t end = std::min(run.end, last * kLine);
      if (begin < end && run.lr_scale > 0.0) body(begin, end, run);
    }
  });
}

/// Marks the parameters whose names fit one of `patterns`, `stages.0.*`, as frozen; `*` stands for
/// any characters, `?` for one. To be called before an optimizer is made. Throws ConfigError for a
/// pattern that no name fits, or if nothing is left to train.
void freeze_parameters(const ParameterStore& store, std::span<const std::string> patterns);

}  // namespace tessera
