#include "optim/decay_runs.h"

namespace tessera {

std::vector<DecayRun> decay_runs(const ParameterStore& store) {
  std::vector<DecayRun> runs;
  for (const ParameterStore::Entry& entry : store.entries()) {
    const bool decay = entry.parameter->decay;
    if (!runs.empty()) runs.back().end = entry.offset;
    if (runs.empty() || runs.back().decay != decay) runs.push_back({entry.offset, 0, decay});
  }
  if (!runs.empty()) runs.back().end = store.values().numel();
  return runs;
}

}  // namespace tessera
