#include "optim/update_runs.h"

#include <cmath>

namespace tessera {

std::vector<double> lr_scales(const ParameterStore& store, double layer_decay) {
  int last = 0;
  for (const ParameterStore::Entry& entry : store.entries()) {
    last = std::max(last, entry.parameter->depth);
  }
  std::vector<double> scales;
  for (const ParameterStore::Entry& entry : store.entries()) {
    const Parameter& parameter = *entry.parameter;
    scales.push_back(parameter.frozen ? 0.0 : std::pow(layer_decay, last - parameter.depth));
  }
  return scales;
}

std::vector<UpdateRun> update_runs(const ParameterStore& store, double layer_decay) {
  return update_runs(store, layer_decay, [](const Parameter&) { return false; });
}

std::vector<UpdateRun> update_runs(const ParameterStore& store, double layer_decay,
                                   bool (*left_out)(const Parameter& parameter)) {
  const std::vector<double> scales = lr_scales(store, layer_decay);
  std::vector<UpdateRun> runs;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    const ParameterStore::Entry& entry = store.entries()[i];
    const bool decay = entry.parameter->decay;
    const double scale = left_out(*entry.parameter) ? 0.0 : scales[i];
    if (!runs.empty()) runs.back().end = entry.offset;
    if (runs.empty() || runs.back().decay != decay || runs.back().lr_scale != scale) {
      runs.push_back({entry.offset, 0, decay, scale});
    }
  }
  if (!runs.empty()) runs.back().end = store.values().numel();
  return runs;
}

}  // namespace tessera
