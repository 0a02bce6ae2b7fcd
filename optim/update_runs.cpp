#include "optim/update_runs.h"

#include <fnmatch.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

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

std::vector<UpdateRun> runs_within(std::span<const UpdateRun> runs,
                                   std::span<const ElementRange> parts) {
  std::vector<UpdateRun> within;
  auto part = parts.begin();
  for (const UpdateRun& run : runs) {
    while (part != parts.end() && part->end <= run.begin) ++part;
    for (auto next = part; next != parts.end() && next->begin < run.end; ++next) {
      within.push_back(run);
      within.back().begin = std::max(run.begin, next->begin);
      within.back().end = std::min(run.end, next->end);
    }
  }
  return within;
}

void freeze_parameters(const ParameterStore& store, std::span<const std::string> patterns) {
  const auto& entries = store.entries();
  for (const std::string& pattern : patterns) {
    bool any = false;
    for (const ParameterStore::Entry& entry : entries) {
      if (::fnmatch(pattern.c_str(), entry.name.c_str(), 0) != 0) continue;
      entry.parameter->frozen = true;
      any = true;
    }
    if (!any && !entries.empty()) {
      fail<ConfigError>("optim.freeze: no parameter fits {:?}; names look like {}", pattern,
                        entries.front().name);
    }
  }
  const bool left = std::any_of(entries.begin(), entries.end(),
                                [](const auto& entry) { return !entry.parameter->frozen; });
  if (!left) fail<ConfigError>("optim.freeze: every parameter is frozen, nothing is left to train");
}

}  // namespace tessera
